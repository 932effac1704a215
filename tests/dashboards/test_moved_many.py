"""What else moved on many servers at once: the ranking, who may ask, and its bounds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.test import Client

from accounts.models import Team, User
from dashboards.anomalies import moved, moving
from dashboards.server import moving as alone
from metrics.names import layout_hash
from tests.conftest import Machine

Make = Callable[..., Machine]
Api = Callable[..., Client]
INSIDE = np.arange(60) >= 48


def table(*columns: Any) -> Any:
    return np.stack(columns, axis=1)


def noise(seed: int, level: float = 20, width: float = 1) -> Any:
    return np.random.default_rng(seed).normal(level, width, 60)


def test_columns_side_by_side_are_judged_as_each_by_itself() -> None:
    up, down, same, restless = noise(1), noise(2), noise(3), noise(4, width=0.5)
    up[INSIDE] += 60
    down[INSIDE] -= 15
    restless[INSIDE] += np.where(np.arange(12) % 2, 15, -15)
    whole = table(up, down, same, restless)
    found = moving.judge(whole, whole, whole, INSIDE)
    singly = {one.place: one for one in alone.rank(list(whole.T), INSIDE)}
    assert {place for place in range(4) if found.score[place]} == {0, 1, 3} == singly.keys()
    for place, one in singly.items():
        assert found.kind[place] == one.kind
        assert found.score[place] == pytest.approx(one.score, abs=0.01)
        assert found.during[place] == pytest.approx(one.during, rel=0.05)


def test_holes_beginnings_and_ends_are_told_as_what_they_are() -> None:
    began, stopped, holes, nothing = noise(1), noise(2), noise(3), np.full(60, np.nan)
    began[~INSIDE], stopped[INSIDE], holes[::3] = np.nan, np.nan, np.nan
    whole = table(began, stopped, holes, nothing)
    found = moving.judge(whole, whole, whole, INSIDE)
    assert [found.kind[0], found.kind[1]] == ["began", "stopped"]
    assert found.score[2:].tolist() == [0, 0]


def test_in_a_short_time_the_highest_sample_of_a_bucket_tells() -> None:
    inside = np.arange(60) >= 59
    mean, calm = noise(1), noise(2)
    high = table(mean + 2, calm + 2)
    high[59, 0] = 95
    whole = table(mean, calm)
    found = moving.judge(whole, table(mean - 2, calm - 2), high, inside)
    assert found.score[0] > 0.8
    assert found.score[1] == 0


def tell(one: Machine, late: float, *, hours: int = 6, rows: int = 12) -> None:
    """Hours of samples, of which the last rows are unlike the others by so much."""
    columns = ["cpu_used_percent", "load1"]
    end = time.time() - 5
    count = hours * 12
    table = [
        [end - (count - place) * 300, 10.0 + place % 3 + late * (place >= count - rows), 1 + place % 2 / 10]
        for place in range(count)
    ]
    body = {"boot": "b", "seq": 1, "layout": layout_hash(columns), "columns": columns, "rows": table}
    assert one.post(body).status_code == 200


@pytest.fixture
def six(machine: Make) -> list[Machine]:
    found = [machine(f"web-{number}") for number in range(6)]
    for number, one in enumerate(found):
        tell(one, 70 if number in {2, 4} else 0)
    return found


def ask(client: Client, more: str = "", back: int = 3600) -> Any:
    end = time.time()
    reply = client.get(f"/api/v1/moved?from={end - back}&to={end}{more}")
    assert reply.status_code == 200, reply.json()
    return reply.json()


def test_the_servers_that_moved_stand_first_with_what_they_have_in_common(six: list[Machine], api: Api) -> None:
    found = ask(api())
    assert {line["server"]["name"] for line in found["series"]} == {"web-2", "web-4"}
    assert {line["metric"] for line in found["series"]} == {"cpu_used_percent"}
    assert [(one["metric"], one["count"]) for one in found["groups"]] == [("cpu_used_percent", 2)]
    assert (found["servers"], found["looked"], found["missed"]) == (6, 12, 0)
    assert "on 2 servers of 6" in found["sentence"]
    assert len(found["t"]) == len(found["series"][0]["v"])


def test_a_quarter_of_an_hour_is_seen_as_well(machine: Make, api: Api) -> None:
    for number in range(6):
        tell(machine(f"web-{number}"), 70 if number == 3 else 0, rows=3)
    found = ask(api(), back=900)
    assert [(line["server"]["name"], line["metric"]) for line in found["series"]] == [("web-3", "cpu_used_percent")]


def test_a_few_servers_are_chosen_by_name_or_selector(six: list[Machine], api: Api) -> None:
    few = ",".join(str(six[number].server.uuid) for number in (1, 2))
    found = ask(api(), f"&servers={few}")
    assert [line["server"]["name"] for line in found["series"]] == ["web-2"]
    assert ask(api(), "&selector=name:web-3")["moved"] == 0
    assert ask(api(), "&selector=name:other")["sentence"] == "No server is meant by that."


def test_nobody_learns_of_servers_that_are_not_theirs(
    six: list[Machine], api: Api, person: Callable[..., User], other_team: Team
) -> None:
    stranger = api(person(of=other_team))
    assert ask(stranger, f"&servers={six[2].server.uuid}")["looked"] == 0


@pytest.mark.parametrize("more", ["from=1&to=2", "", "from=1e9&to=2e9", "from=1700000000&to=1700003600&servers=x",
                                  "from=1700000000&to=1700003600&selector=what"])  # fmt: skip
def test_what_cannot_be_asked_is_refused_in_a_sentence(api: Api, more: str) -> None:
    reply = api().get(f"/api/v1/moved?{more}")
    assert reply.status_code == 400
    assert reply.json()["detail"]


def test_what_there_was_no_time_for_is_said(six: list[Machine], api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moved, "PATIENCE", -1.0)
    found = ask(api())
    assert found["missed"] == 2
    assert "told nothing" in found["sentence"] or "no time" in found["sentence"]
