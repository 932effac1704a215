"""The odd one out: who is unlike the others of its role, by what, and who is not asked about."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from django.test import Client

from accounts.models import Team, User
from dashboards.anomalies import odd
from metrics.names import layout_hash
from servers.models import Server
from tests.conftest import Machine

Make = Callable[..., Machine]
Api = Callable[..., Client]


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    odd.lately.kept.clear()
    yield
    odd.lately.kept.clear()


AMOUNTS = np.zeros(3, bool)


def days(servers: int, seed: int = 1) -> Any:
    dice = np.random.default_rng(seed)
    day = 30 + 20 * np.sin(np.arange(24) / 24 * 2 * np.pi)
    return day + dice.normal(0, 2, (servers, 3, 24))


def test_one_that_is_steadily_apart_is_odd_and_the_others_are_not() -> None:
    table = days(12)
    table[5, 1] += 40
    found = odd.distance(table, np.full(3, 0.5), AMOUNTS)
    assert np.flatnonzero(found.whole >= odd.ODD).tolist() == [5]
    assert int(np.argmax(found.by_metric[5])) == 1


def test_one_bad_hour_holes_and_a_shared_change_make_nobody_odd() -> None:
    table = days(12)
    table[3, 0, 7] += 300
    table[4, :, :20] = np.nan
    table[:, 2, 12:] += 50
    assert (odd.distance(table, np.full(3, 0.5), AMOUNTS).whole < odd.ODD).all()


def test_constant_servers_are_compared_without_a_fault() -> None:
    table = np.full((5, 2, 24), 10.0)
    table[4, 0] = 11.0
    found = odd.distance(table, np.array([2.0, 2.0]), AMOUNTS[:2])
    assert (found.whole < odd.ODD).all()


def test_a_difference_nobody_would_call_odd_is_not_odd_however_alike_the_others_are() -> None:
    table = np.tile(np.array([828_000.0, 20.0, 4.0])[None, :, None], (8, 1, 24))
    table[5, 0], table[6, 1], table[7, 1] = 995_000.0, 44.0, 46.0
    table[4, 2], table[3, 2], table[2, 0] = 9.0, 15.0, 2_000_000.0
    found = odd.distance(table, np.array([5_000.0, 2.0, 0.5]), np.array([False, True, True]))
    assert np.flatnonzero(found.whole >= odd.ODD).tolist() == [2, 3, 6, 7]


def tell(one: Machine, level: float) -> None:
    columns = ["cpu_used_percent", "memory_used_percent"]
    end = time.time() - 60
    rows = [[end - place * 600, level + place % 3, 40 + place % 2] for place in range(144, 0, -1)]
    body = {"layout": layout_hash(columns), "columns": columns, "rows": rows}
    assert one.post(body).status_code == 200


def test_the_api_names_the_odd_server_and_by_what(
    machine: Make, api: Api, person: Callable[..., User], other_team: Team
) -> None:
    for number in range(6):
        tell(machine(f"web-{number}"), 80 if number == 2 else 20)
    alone = machine("db-1")
    tell(alone, 99)
    Server.objects.filter(name__startswith="web").update(role="web")
    Server.objects.filter(pk=alone.server.pk).update(role="db")
    found = api().get("/api/v1/odd").json()
    (one,) = found["odd"]
    assert one["server"]["name"] == "web-2"
    assert one["why"][0]["metric"] == "cpu_used_percent"
    assert "unlike the other 5 servers of role web: CPU used 81 %, theirs 21 %" in one["sentence"]
    assert found["roles"] == [{"role": "web", "servers": 6}]
    assert found["left_out"] == 1
    assert api(person(of=other_team)).get("/api/v1/odd").json()["odd"] == []
