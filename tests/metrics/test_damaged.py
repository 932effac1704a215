"""One damaged blob, in whatever table: told, left out, and in the way of nobody else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from accounts.models import Team
from core.models import Cursor
from metrics import behind, blob, chunks, codec, damaged, merging, plain, sealing, tiers
from metrics.latest import LatestRows
from metrics.layouts import layouts
from metrics.models import Chunk, Dirty, FleetChunk, JournalRow, Latest, Layout
from metrics.names import layout_hash
from servers.models import Server
from tests.metrics.storing import MINUTE, NOON, Told, later, series_of

CPU = "cpu_used_percent"


@pytest.fixture
def told(db: None, monkeypatch: pytest.MonkeyPatch) -> Told:
    monkeypatch.setattr(damaged, "TOLD_EVERY", -1.0)
    return Told()


@pytest.fixture
def servers(team: Team) -> list[int]:
    made = [
        Server.objects.create(team=team, number=number, name=f"web-{number}", hostname="h", fingerprint=str(number))
        for number in range(2)
    ]
    return [server.pk for server in made]


def spoil(rows: Any) -> int:
    """Turn one bit of each blob."""
    for row in rows:
        data = bytearray(row.data)
        data[len(data) // 2] ^= 4
        row.data = bytes(data)
        row.save()
    return len(rows)


def raw(server: int) -> list[int]:
    found = chunks.raw(server, [series_of(CPU)], 0, later(900))
    return [int(value) for _, values in found.values() for value in values.tolist()]


def test_a_damaged_part_of_an_hour_holds_up_neither_the_merge_nor_an_answer(
    told: Told, servers: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = servers
    for number in range(2):
        for server in servers:
            told.say(server, [CPU], [(NOON + number * MINUTE, [number])])
        told.seal(NOON + (number + 1) * 10 * MINUTE)
    told.say(good, [CPU], [(later(1), [7])])
    told.seal(later(2))
    assert spoil(Chunk.objects.filter(server=bad).order_by("part")[:1])
    with caplog.at_level(logging.ERROR):
        assert raw(bad) == [1]
        told.merge(later(3))
        assert [b.count.tolist() for b in told.rolled(bad, CPU)] == [[1]]
    assert "damaged" in caplog.text
    assert not Chunk.objects.filter(tier=0, merged=False).exists()
    assert (raw(bad), raw(good)) == ([1], [0, 1, 7])
    assert Chunk.objects.filter(tier=0, server=bad).count() == 2, "what is damaged stays for who can mend it"
    told.say(bad, [CPU], [(NOON + 2 * MINUTE, [2])], received=later(3))
    told.seal(later(4))
    told.merge(later(5))
    assert raw(bad) == [1, 2]


def test_damaged_buckets_are_made_anew_while_there_are_samples(told: Told, servers: list[int]) -> None:
    for server in servers:
        told.say(server, [CPU], [(NOON, [1]), (later(1), [2])])
    told.seal(later(2))
    told.merge(later(3))
    assert spoil(Chunk.objects.filter(tier=tiers.FINE, server=servers[0], part=NOON)) == 1
    told.merge(later(24 + 4))
    told.merge(later(24 + 5))
    assert not Dirty.objects.exists()
    told.holds()
    told.fleet_holds(CPU)


def test_damaged_rollups_stop_no_question_and_no_work(told: Told, servers: list[int]) -> None:
    told.say(servers[0], [CPU], [(NOON, [1])])
    told.say(servers[1], [CPU], [(NOON, [2])])
    told.seal(later(2))
    told.merge(later(3))
    assert spoil(FleetChunk.objects.all())
    assert len(chunks.fleet(series_of(CPU), 0, later(9)).t) == 0
    told.merge(later(24 + 4))
    told.fleet_holds(CPU)
    assert spoil(FleetChunk.objects.all()) == 2
    assert spoil(Chunk.objects.filter(tier__gt=0)) == 4
    assert told.rolled(servers[0], CPU, 3600) == told.rolled(servers[0], CPU) == []
    told.say(servers[0], [CPU], [(NOON + MINUTE, [3])], received=later(30))
    told.seal(later(31))
    told.merge(later(60))
    assert not merging.step(later(60), 1.0)
    (found,) = told.rolled(servers[0], CPU)
    assert found.count.tolist() == [2]


def test_an_hour_too_wide_for_memory_is_merged_piece_by_piece(
    told: Told, servers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        columns = [f"own{number}_{place}" for place in range(5)]
        told.say(servers[0], columns, [(NOON + number * MINUTE + n, [n] * 5) for n in range(4)])
        told.seal(NOON + (number + 2) * 10 * MINUTE)
    monkeypatch.setattr(merging, "MOST_CELLS", 100)
    told.merge(later(3))
    assert 1 < Chunk.objects.filter(tier=0, merged=True).count() < 6
    told.holds()


def picky(call: Callable[..., Any], fault: type[Exception] = ZeroDivisionError) -> Callable[..., Any]:
    """As if it could not do with one number."""

    def but_one(times: Any, keys: Any, values: Any, **more: Any) -> Any:
        if (np.asarray(values) == 666).any():
            raise fault
        return call(times, keys, values, **more)

    return but_one


def test_no_row_is_to_blame_for_a_memory_that_is_full(
    told: Told, servers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, value in enumerate((1, 666)):
        told.say(servers[0], [CPU], [(NOON + number * MINUTE, [value])])
    with monkeypatch.context() as full:
        full.setattr(codec, "encode", picky(codec.encode, MemoryError))
        with pytest.raises(MemoryError):
            told.seal(later(1))
        assert raw(servers[0]) == [1, 666], "still in the journal"
    told.seal(later(1))
    assert Cursor.objects.place(behind.SEALED) == JournalRow.objects.latest("pk").pk
    assert raw(servers[0]) == [1, 666]


def test_a_row_that_cannot_be_sealed_is_kept_as_it_came_and_holds_up_nobody(
    told: Told, servers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = servers
    for module, name in ((codec, "encode"), (plain, "encode_many")):
        monkeypatch.setattr(module, name, picky(getattr(module, name)))
    for number in range(3):
        for server in servers:
            told.say(server, [CPU], [(NOON + number * MINUTE, [number])])
    told.say(bad, [CPU], [(NOON + 3 * MINUTE, [666])])
    told.say(good, [CPU], [(NOON + 3 * MINUTE, [3])])
    told.seal(later(1))
    assert Cursor.objects.place(behind.SEALED) == JournalRow.objects.latest("pk").pk
    for at in (later(1), later(3)):
        told.merge(at)
        assert (raw(bad), raw(good)) == ([0, 1, 2], [0, 1, 2, 3])
    assert not Chunk.objects.filter(tier=0, merged=False).exists()
    (kept,) = [bytes(row.data) for row in Chunk.objects.filter(server=bad, tier=0) if bytes(row.data)[0] == 255]
    times, values = blob.unpack(kept[sealing.AS_IT_CAME.size :], 1)
    assert (times.tolist(), values.tolist()) == ([NOON + 3 * MINUTE], [[666]])


def test_a_row_whose_layout_is_gone_is_kept_as_it_came(told: Told, servers: list[int]) -> None:
    bad, good = servers
    for server in servers:
        told.say(server, [CPU], [(NOON, [1])])
    told.say(bad, ["load1"], [(NOON + MINUTE, [2])])
    gone = JournalRow.objects.latest("pk")
    Layout.objects.filter(pk=gone.layout_id).delete()
    layouts._forget(layout_hash(["load1"]))
    told.seal(later(1))
    assert raw(good) == [1]
    whole, kept = [bytes(row.data) for row in Chunk.objects.filter(server=bad, tier=0).order_by("part")]
    assert codec.read(whole).values.tolist() == [[1]]
    assert sealing.AS_IT_CAME.unpack_from(kept) == (255, gone.layout_id)
    assert kept[sealing.AS_IT_CAME.size :] == bytes(gone.rows)


def test_an_hour_that_cannot_be_merged_and_a_mark_that_cannot_be_worked_off_are_passed_over(
    told: Told, servers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = servers
    for server in servers:
        told.say(server, [CPU], [(NOON, [1]), (NOON + MINUTE, [2])])
    told.seal(later(1))
    merged, fleet = merging._merged, merging._remake_fleet

    def but_one(span: int, server: int, place: int) -> merging.Merged | None:
        return merged(span, server, place // (server - bad))

    def but_hours(mark: Dirty, part: int) -> None:
        fleet(mark, part + 0 // mark.tier)

    monkeypatch.setattr(merging, "_merged", but_one)
    monkeypatch.setattr(merging, "_remake_fleet", but_hours)
    told.merge(later(3))
    assert (raw(bad), raw(good)) == ([1, 2], [1, 2])
    assert [b.count.tolist() for b in told.rolled(good, CPU)] == [[2]]
    assert not Chunk.objects.filter(tier=0, merged=False).exists()
    assert list(Dirty.objects.filter(due__lte=later(3))) == []
    monkeypatch.setattr(merging, "_remake_fleet", fleet)
    told.merge(later(5))
    assert not Dirty.objects.filter(tier=0).exists()


def test_a_day_that_cannot_be_made_whole_holds_up_no_other_server(
    told: Told, servers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = servers
    for server in servers:
        told.say(server, [CPU], [(NOON, [1]), (later(1), [2])])
    told.seal(later(2))
    told.merge(later(3))
    finish = merging._finish_day

    def but_one(server: int, mark: Dirty, part: int) -> None:
        finish(server // (server - bad), mark, part)

    monkeypatch.setattr(merging, "_odd", set())
    monkeypatch.setattr(merging, "_finish_day", but_one)
    told.merge(later(24 + 4))
    assert not Dirty.objects.exists()
    days = Chunk.objects.filter(tier=tiers.FINE).values_list("server", "part")
    assert sorted(days) == [(bad, NOON), (bad, later(1)), (good, 0)]
    told.holds()
    assert chunks.fleet(series_of(CPU), 0, later(99)).servers.tolist() == [good]


def test_a_day_that_could_not_be_folded_before_it_was_over_is_tried_again_then(
    told: Told, servers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    told.say(servers[0], [CPU], [(NOON, [1]), (later(1), [2])])
    told.seal(later(2))
    finish = merging._finish_day

    def only_whole(server: int, mark: Dirty, part: int) -> None:
        assert part == tiers.WHOLE
        finish(server, mark, part)

    monkeypatch.setattr(merging, "_odd", set())
    monkeypatch.setattr(merging, "_finish_day", only_whole)
    told.merge(later(3))
    told.merge(later(8))
    assert tiers.SO_FAR in {part for _day, part, _server in merging._odd}
    told.merge(later(24 + 4))
    assert [*Chunk.objects.filter(tier=tiers.FINE).values_list("part", flat=True)] == [tiers.WHOLE]


def test_a_newest_row_that_cannot_be_read_keeps_nobody_from_posting(told: Told, servers: list[int]) -> None:
    told.say(servers[1], [CPU], [(NOON, [5])])
    layout = JournalRow.objects.latest("pk").layout_id
    for server, of, values in ((servers[0], layout, b"12345"), (servers[1], layout, np.array([4.0]).tobytes())):
        Latest.objects.create(server_id=server, layout_id=of, received=NOON - 1, at=NOON - 1, values=values)
    rows = LatestRows()
    rows.mend()
    found = rows.get(servers[1])
    assert found is not None
    assert (rows.get(servers[0]), found.value(CPU)) == (None, 5)
