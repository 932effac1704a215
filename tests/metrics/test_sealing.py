"""Sealed, merged, rolled up: the same answers as before, to the last bit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from accounts.models import Team
from core.models import Cursor
from metrics import sealing, uses
from metrics.models import Chunk, Dirty, FleetChunk, JournalRow
from servers.models import Server
from tests.metrics.storing import MINUTE, NAN, NOON, Told, later

CPU, LOAD, DISK = "cpu_used_percent", "load1", 'disk_used_bytes{mount="/"}'


@pytest.fixture
def told(db: None) -> Told:
    return Told()


@pytest.fixture
def servers(team: Team) -> list[int]:
    made = [
        Server.objects.create(team=team, number=number, name=f"web-{number}", hostname="h", fingerprint=str(number))
        for number in range(3)
    ]
    return [server.pk for server in made]


def steady(
    told: Told, servers: list[int], start: int, minutes: int, columns: tuple[str, ...] = (CPU, LOAD, DISK)
) -> None:
    """A row each ten seconds and server, of values as they are: few decimals, whole numbers, and any bits."""
    random = np.random.default_rng(start // 1000)
    for at in range(start, start + minutes * MINUTE, 10_000):
        for server in servers:
            row = [random.uniform(0, 100).__round__(1), random.uniform(0, 4), float(random.integers(1 << 40))]
            told.say(server, columns, [(at, row[: len(columns)])], received=at + 200)


def everything(told: Told) -> Iterator[str]:
    """The ways of a sample, one after the other; what is told must hold after each."""
    yield "journal"
    told.seal()
    yield "sealed"
    told.merge(later(3))
    yield "merged"
    told.merge(later(24 + 4))
    yield "day"


def test_samples_are_the_same_to_the_last_bit_wherever_they_stand(told: Told, servers: list[int]) -> None:
    steady(told, servers, NOON, 12)
    steady(told, servers[:2], later(1) - 2 * MINUTE, 5)
    for place in everything(told):
        told.holds()
        if place != "journal":
            for column in (CPU, LOAD, DISK):
                told.fleet_holds(column)
    told.fleet_holds(CPU, 3600)
    assert JournalRow.objects.count() == 1, "the newest row stays, so that ids grow on"
    assert sorted(Chunk.objects.filter(tier=0, merged=False)) == []
    assert (Dirty.objects.count(), FleetChunk.objects.filter(tier=0).count()) == (0, 0)
