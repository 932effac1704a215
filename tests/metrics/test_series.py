"""History over the API: what is asked too much of is refused in one sentence, and nulls are no failure."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.test import Client

from metrics import query
from metrics.names import layout_hash
from tests.conftest import Machine

Make = Callable[..., Machine]


def test_a_metric_that_was_never_measured_is_an_empty_answer(machine: Make, api: Callable[..., Client]) -> None:
    one = machine()
    one.report(cpu_used_percent=1, temperature_celsius=None)
    path = f"/api/v1/series?server={one.server.uuid}&metric=temperature_celsius"
    assert api().get(path).json() == {
        "t": [], "step": None, "tier": 0,
        "series": [{"metric": "temperature_celsius", "labels": {}, "v": [], "min": [], "max": []}],
    }  # fmt: skip


@pytest.mark.parametrize("points", ["9" * 5000, "0", "-1", "x", "²"])
def test_points_that_are_no_number_of_ours_are_refused(
    machine: Make, api: Callable[..., Client], points: str
) -> None:
    path = f"/api/v1/series?server={machine().server.uuid}&metric=load1&points={points}"
    reply = api().get(path)
    assert (reply.status_code, reply.json()["error"]) == (400, "bad_points")


def cores(one: Machine, count: int) -> None:
    columns = [f'cpu_core_used_percent{{core="{core}"}}' for core in range(count)]
    rows = [[time.time() - back, *range(count)] for back in range(3)]
    assert one.post({"layout": layout_hash(columns), "columns": columns, "rows": rows}).status_code == 200


def test_an_answer_of_too_many_values_is_refused_before_it_is_made(
    machine: Make, api: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, client = machine(), api()
    cores(one, 50)
    path = f"/api/v1/series?server={one.server.uuid}&metric=cpu_core_used_percent"
    assert client.get(f"{path}&points=4000").status_code == 200
    reply = client.get(f"{path}&points=5000")
    assert (reply.status_code, reply.json()["error"]) == (400, "too_much")
    assert client.get(path).status_code == 200
    monkeypatch.setattr(query, "MOST_CELLS", 149)
    assert client.get(path).json()["error"] == "too_much"
    monkeypatch.setattr(query, "MOST_READ", 149)
    assert client.get(f"{path}&points=1").json()["error"] == "too_much"


def test_what_came_in_two_layouts_is_one_series_and_the_last_stored_counts(
    machine: Make, api: Callable[..., Client]
) -> None:
    one, at = machine(), float(int(time.time()) - 60)
    one.report(at, load1=1, load5=1)
    one.report(at + 1, load1=2)
    one.report(at, load1=3)
    one.report(at + 2, load1=4, load5=1)
    found = api().get(f"/api/v1/series?server={one.server.uuid}&metric=load1").json()
    assert (found["t"], found["series"][0]["v"]) == ([at, at + 1, at + 2], [3, 2, 4])


def test_the_longest_range_is_answered(machine: Make, api: Callable[..., Client]) -> None:
    one = machine()
    one.report(cpu_used_percent=7)
    path = f"/api/v1/series?server={one.server.uuid}&metric=cpu_used_percent&start=0&end=4199999999"
    found = api().get(f"{path}&points=600").json()
    assert [v for v in found["series"][0]["v"] if v is not None] == [7]
    assert api().get(f"/api/v1/series?server={one.server.uuid}&metric=m&start=0001-01-01").status_code == 400
