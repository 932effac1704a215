"""A replay says what really fired, as far as samples are kept, and what it looked at beyond them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from accounts.models import Team
from alerts import replay
from alerts.judging import Judge
from alerts.models import Alert, Rule
from metrics.names import layout_hash
from tests.conftest import Machine

PREVIEW = "/api/v1/rules/preview"
HOUR, DAY = 3_600_000, 86_400_000


@pytest.fixture
def judge() -> Iterator[Judge]:
    made = Judge()
    yield made
    made.end()


def tell(machine: Machine, times: list[float], values: list[float], column: str = "cpu") -> None:
    machine.seq += 1
    rows = [[at, value] for at, value in zip(times, values, strict=True)]
    body = {"boot": "b1", "seq": machine.seq, "layout": layout_hash([column]), "columns": [column], "rows": rows}
    assert machine.post(body).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"critical": 95},
        {"warn": 80, "warn_recover": 60, "critical": 95, "critical_recover": 90},
        {"critical": 90, "for_seconds": 30, "critical_recover": 50},
        {"critical": 90, "keep_firing_seconds": 60},
        {"op": "below", "warn": 20, "warn_recover": 40, "for_seconds": 20},
    ],
)
def test_on_samples_a_replay_equals_what_really_fired(
    fields: dict[str, Any], team: Team, machine: Callable[..., Machine], judge: Judge, now: float
) -> None:
    rule = Rule.objects.create(team=team, name="hot", metric="cpu", group_wait=0, **fields)
    end = now // 10 * 10
    judge.step()
    for number in range(2):
        web = machine(f"web-{number}")
        dice = random.Random(number)  # noqa: S311
        times = [end - 10 * place for place in range(360)][::-1]
        values, level = [], 50.0
        for _ in times:
            level = min(100.0, max(0.0, level + dice.uniform(-25, 25)))
            values.append(level)
        tell(web, times, values)
    while judge.step():
        pass
    really = {
        (alert.server_id, alert.since + rule.for_seconds * 1000, alert.judged if alert.resolved_at else None)
        for alert in Alert.objects.exclude(state="pending")
    }
    made = replay.preview(rule, replay.Asked(int(end * 1000), days=1))
    assert len(really) > 3
    assert {(one.server, one.start, one.end) for one in made.found.spans} == really
    assert made.found.exact_from is not None
    assert made.found.exact_from <= min(start for _, start, _ in really)
