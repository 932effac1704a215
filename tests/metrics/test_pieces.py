"""Buckets by metric of an hour: series of many servers by themselves, rare ones bundled, the same answers."""

from __future__ import annotations

import numpy as np
import pytest

from accounts.models import Team
from metrics import pieces
from metrics.codec import CorruptBlob
from metrics.models import FleetChunk
from metrics.rollups import Rolled
from servers.models import Server
from tests.metrics.storing import MINUTE, NAN, NOON, Told, later


@pytest.mark.parametrize("rare", [0, 3, 8])
@pytest.mark.usefixtures("db")
def test_a_question_about_all_servers_is_answered_the_same_however_rare(
    team: Team, monkeypatch: pytest.MonkeyPatch, rare: int
) -> None:
    monkeypatch.setattr("metrics.pieces.RARE", rare)
    monkeypatch.setattr("metrics.pieces.TOGETHER", 5)
    monkeypatch.setattr("metrics.merging.SERIES_AT_ONCE", {0: 2, 300: 2})
    servers = [Server.objects.create(team=team, number=n, name=f"s-{n}", fingerprint=str(n)).pk for n in range(5)]
    told = Told()
    random = np.random.default_rng(rare)
    for at in range(NOON, NOON + 9 * MINUTE, MINUTE):
        for server in servers:
            columns = ["load1", "cpu_used_percent", f"mine_{server}", f"shared_{server % 2}"]
            row = [*random.uniform(0, 100, 3).round(1), NAN if server == servers[0] else 1.5]
            told.say(server, columns, [(at, row)])
    names = ["load1", "cpu_used_percent", "shared_0", "shared_1", *(f"mine_{server}" for server in servers)]
    told.seal()
    assert FleetChunk.objects.count() == {0: 9, 3: 3, 8: 1}[rare]
    for at in (later(1), later(1.3), later(24 + 4)):
        told.merge(at)
        for name in names:
            told.fleet_holds(name)
    # A row that comes late has the hour made anew, cut otherwise as there is a series more.
    told.say(servers[0], ["another_one"], [(NOON + 30_000, [4.0])])
    told.say(servers[1], ["load1"], [(NOON, [999.0])])
    told.seal(later(24 + 5))
    told.merge(later(24 + 6))
    told.merge(later(24 + 7))
    for name in [*names, "another_one"]:
        told.fleet_holds(name)
    assert not FleetChunk.objects.filter(tier=0).exists()


def test_an_hour_with_bundles_is_made_anew_without_leaving_old_ones(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metrics.merging.SERIES_AT_ONCE", {0: 2, 300: 2})
    server = Server.objects.create(team=team, number=1, name="s", fingerprint="s").pk
    told = Told()
    told.say(server, ["a", "b", "c"], [(NOON, [1.0, 2.0, 3.0])])
    told.seal()
    told.merge(later(1.5))
    told.say(server, ["a", "c", "d"], [(NOON, [9.0, 8.0, 7.0])])
    told.seal(later(1.6))
    told.merge(later(1.9))
    bundles = FleetChunk.objects.filter(tier=0)
    assert sorted(bundles.values_list("part", flat=True)) == [0, 0]
    for name in "abcd":
        told.fleet_holds(name)


def test_a_damaged_bundle_is_refused() -> None:
    one = Rolled(np.array([NOON]), np.array([5, 9]), *(np.full((1, 2), value) for value in (1.0, 3.0, 2.0, 4.0)))
    (row,) = pieces.rows(0, NOON, 7, [(3, one), (3, one)])
    found = pieces.of_bundle(row.data, NOON, 9)
    assert (found.t.tolist(), found.series.tolist(), found.count.tolist()) == ([NOON], [3], [[8.0]])
    assert not len(pieces.of_bundle(row.data, NOON, 6).t)
    for at in range(len(row.data)):
        damaged = bytearray(row.data)
        damaged[at] ^= 0x55
        with pytest.raises(CorruptBlob):
            pieces.of_bundle(bytes(damaged), NOON, 9)
    for length in range(len(row.data)):
        with pytest.raises(CorruptBlob):
            pieces.of_bundle(row.data[:length], NOON, 9)
