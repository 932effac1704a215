"""From a line in a log to a series and an alert: counted on the machine, told by its report, judged by a rule."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from alerts.judging import Judge
from metrics.names import layout_hash
from tests.conftest import Machine

sys.path.insert(0, str(Path(__file__).parents[2] / "agent"))  # the agent is a program of its own


@pytest.fixture
def agent(tmp_path: Path) -> Any:
    """What an agent whose owner names one log and one pattern asks of the machine."""
    from watchkeeper_agent.collectors import Collectors, Options

    shop = {"texts": ["order * failed"], "files": [f"{tmp_path}/*.log"]}
    wanted = {"errors": None, "failed_logins": None, "shop": shop}
    return Collectors(["logs"], options=Options.of({"logs": wanted}, str(tmp_path)))


def test_lines_that_match_become_a_series_and_an_alert_and_stay_where_they_are(
    agent: Any, tmp_path: Path, machine: Callable[..., Machine], api: Callable[..., Client]
) -> None:
    log = tmp_path / "shop.log"
    log.write_text("order 1 failed\n")  # before we came
    agent.sample_all()
    with log.open("a") as file:
        file.write("order 2 failed: card of Ana\norder 3 done\nORDER 4 FAILED\n")
    agent.background.slow[0].one.looked -= 4
    values = agent.sample_all().values

    web, client = machine(), api()
    rule = {
        "name": "Orders fail", "kind": "threshold", "metric": "log_matches_per_second", "labels": {"pattern": "shop"},
        "op": "above", "critical": 0.2, "selector": "", "for": 0, "notify": [],
    }  # fmt: skip
    assert client.post("/api/v1/rules", rule, content_type="application/json").status_code == 201
    judge = Judge()
    judge.step()
    columns = sorted(values)
    row = [time.time(), *(values[name] for name in columns)]
    told = {"boot": "b", "seq": 1, "layout": layout_hash(columns), "columns": columns, "rows": [row]}
    assert web.post(told).json()["accepted"] == len(columns)

    query = f"server={web.server.uuid}&metric=log_matches_per_second&start={time.time() - 60}"
    (series,) = client.get(f"/api/v1/series?{query}").json()["series"]
    assert series["labels"] == {"pattern": "shop"}
    assert series["v"] == [pytest.approx(0.5, rel=0.2)]
    judge.step()
    judge.end()
    (incident,) = client.get("/api/v1/incidents").json()["results"]
    assert incident["title"].startswith("web-1: Log lines that match (pattern shop) is ")
    assert "Ana" not in str(told)
