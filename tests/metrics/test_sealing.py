"""Sealed, merged, rolled up: the same answers as before, to the last bit, and whatever was cut off."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from django.db import connection, transaction
from django.test import Client

from accounts.models import Team
from core.models import Cursor
from ingest import writer
from metrics import behind, journal, merging, recent, sealing, tasks, trimming, uses
from metrics.latest import latest
from metrics.layouts import layouts
from metrics.models import Chunk, Dirty, FleetChunk, JournalRow, Uses
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
    told.merge(later(4.8))
    yield "folded"
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
    assert not Chunk.objects.filter(tier=0, merged=False).exists()
    assert (Dirty.objects.count(), FleetChunk.objects.filter(tier=0).count()) == (0, 0)


def test_a_row_is_sealed_when_everybody_has_read_it_and_memory_was_written(told: Told, servers: list[int]) -> None:
    rules = Cursor.objects.create(name="rules", place=0)
    steady(told, servers, NOON, 6)
    read, newest = JournalRow.objects.order_by("pk")[8].pk, JournalRow.objects.order_by("-pk")[0].pk
    five = later(5 / 60)
    told.seal(five + sealing.YOUNG - 1)
    assert (Cursor.objects.place("sealed"), JournalRow.objects.count()) == (0, 108), "the rules have read nothing"
    Cursor.objects.filter(pk=rules.pk).update(place=read)
    told.seal(five + sealing.YOUNG - 1)
    assert JournalRow.objects.count() == 108, "nothing is a minute old at a border of five minutes"
    told.seal(five + sealing.YOUNG + 1)
    assert Cursor.objects.place("sealed") == read
    assert JournalRow.objects.order_by("pk")[0].pk == read + 1
    Cursor.objects.filter(pk=rules.pk).update(place=newest)
    told.seal(five + sealing.YOUNG + 1)
    assert JournalRow.objects.filter(received__lt=five).count() == 0
    assert JournalRow.objects.count() == 18, "the sixth minute is young"
    told.holds()


def test_much_at_once_is_sealed_before_its_time(
    told: Told, servers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    steady(told, servers, NOON, 4)
    young = NOON + 4 * MINUTE + sealing.YOUNG
    told.seal(young)
    assert Chunk.objects.count() == 0
    monkeypatch.setattr(sealing, "CROWDED_BYTES", 1)
    monkeypatch.setattr(sealing, "MOST_ROWS", 20)
    assert sealing.step(young)
    assert Cursor.objects.place("sealed") == JournalRow.objects.order_by("pk")[0].pk - 1
    told.seal(young)
    assert JournalRow.objects.count() == 1
    told.holds()


def test_a_server_that_sends_very_much_is_sealed_in_helpings(
    told: Told, servers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "HELD_BYTES", 500)
    monkeypatch.setattr(sealing, "MOST_SCANS", 1000)
    steady(told, servers, NOON, 6)
    told.seal()
    assert Chunk.objects.count() == 9
    told.holds()
    told.fleet_holds(CPU)


def test_one_that_sends_very_much_stands_alone_among_others(
    told: Told, servers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "HELD_BYTES", 500)
    monkeypatch.setattr(sealing, "MOST_SCANS", 1000)
    for server in servers:
        for second in range(100 if server == servers[1] else 2):
            told.say(server, [CPU, LOAD], [(NOON + second * 1000, [second, -second])])
    told.seal()
    told.holds()
    told.fleet_holds(CPU)
    assert [Chunk.objects.filter(server=server).count() > 1 for server in servers] == [False, True, False]


def test_rows_of_very_many_layouts_are_sealed_a_few_at_a_time(
    told: Told, servers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "MOST_CELLS", 60)
    for number in range(20):
        columns = [f"own{number}_{place}" for place in range(3)]
        told.say(servers[0], columns, [(NOON + number * 1000, [number] * 3)])
        told.say(servers[1], [CPU], [(NOON + number * 1000, [number])])
    told.seal()
    assert Chunk.objects.filter(server=servers[0]).count() > 3
    assert Chunk.objects.filter(server=servers[1]).count() == 1
    told.holds()
    told.merge(later(3))
    told.holds()


def test_a_clock_that_was_ahead_holds_nothing_back(told: Told, servers: list[int]) -> None:
    told.say(servers[0], [CPU], [(NOON, [1])], received=later(24 * 365))
    told.say(servers[0], [CPU], [(NOON + 1000, [2])], received=NOON)
    told.seal(later(1))
    assert Cursor.objects.place("sealed") == JournalRow.objects.order_by("-pk")[0].pk
    told.holds()


@contextmanager
def dies_at(number: int) -> Iterator[None]:
    """The process ends in place of its nth write."""
    left = number

    def count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal left
        if sql.lstrip().startswith(("INSERT", "UPDATE", "DELETE")):
            left -= 1
            if left < 0:
                raise Died
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        yield


class Died(BaseException):
    pass


@pytest.mark.parametrize("until", ["sealed", "merged", "folded", "day"])
def test_dying_before_any_write_loses_nothing_and_doubles_nothing(told: Told, servers: list[int], until: str) -> None:
    told.say(servers[0], [CPU, LOAD], [(NOON + 5 * n * MINUTE, [n, NAN if n % 3 else n / 7]) for n in range(14)])
    told.say(servers[1], [CPU], [(NOON + 1000, [1]), (NOON + 1000, [2])])
    told.say(servers[0], [LOAD], [(NOON, [0.125])], received=NOON)
    stages = [lambda: told.seal(later(3))]
    stages += [lambda hours=hours: told.merge(later(hours)) for hours in (3, 4.8, 30)]  # type: ignore[misc]
    before = now = ["sealed", "merged", "folded", "day"].index(until)
    for stage in stages[:before]:
        stage()  # type: ignore[no-untyped-call]
    for number in range(200):
        place = transaction.savepoint()
        try:
            with dies_at(number):
                stages[now]()
            break
        except Died:
            transaction.set_rollback(False)  # of the test's own transaction
            told.holds()
            stages[now]()
            told.holds()
            told.fleet_holds(CPU)
        transaction.savepoint_rollback(place)
    assert number > 3
    for stage in stages[before:]:
        stage()
    told.holds()
    told.fleet_holds(CPU)
    told.fleet_holds(CPU, 3600)


def test_what_was_stored_last_wins_wherever_it_stands(told: Told, servers: list[int]) -> None:
    one = servers[0]
    at = [NOON + 10_000 * n for n in range(4)]
    told.say(one, [CPU, LOAD], [(t, [1, 1]) for t in at], received=NOON)
    told.say(one, [CPU, LOAD], [(at[0], [2, NAN]), (at[0], [NAN, 3]), (at[3], [4, NAN])], received=NOON)
    told.holds()
    told.seal(later(1))
    told.holds()
    told.say(one, [LOAD, DISK, CPU], [(at[1], [5, -0.0, NAN])], received=later(1))
    told.holds()
    told.seal(later(1.5))
    told.holds()
    told.merge(later(2))
    told.holds()
    told.say(one, [CPU], [(at[2], [6])], received=later(2))
    told.holds()
    told.seal(later(3))
    told.merge(later(3))
    told.merge(later(3.2))
    told.holds()
    told.fleet_holds(CPU)


def test_hours_of_a_day_that_is_not_over_become_one_and_late_ones_join_them(told: Told, servers: list[int]) -> None:
    for hour in range(3):
        steady(told, servers, later(hour), 2)
    told.seal()
    told.merge(later(4.5))
    fine = Chunk.objects.filter(tier=300).order_by("server", "part").values_list("part", flat=True)
    assert fine.count() == 9, "each hour by itself"
    told.merge(later(4.7))
    assert list(fine.all()) == [1, 1, 1]
    assert set(FleetChunk.objects.values_list("tier", "part")) == {(300, 1)}
    assert not Chunk.objects.filter(tier=3600).exists(), "the month waits for the day to be over"
    told.say(servers[0], [CPU], [(later(1), [1]), (later(2.5), [0.5])], received=later(4.8))
    told.say(servers[1], [CPU], [(later(4.2), [7])], received=later(4.8))
    for at in (5.2, 5.3):  # merged, and by metric too
        told.seal(later(at))
        told.merge(later(at))
        told.holds()
    told.fleet_holds(CPU)
    told.fleet_holds(CPU, 3600)
    assert list(fine.all()) == [1, later(1), later(2), 1, later(4), 1]
    told.merge(later(8.7))
    told.holds()
    told.fleet_holds(CPU)
    assert list(fine.all()) == [1, 1, 1]
    told.merge(later(24))
    told.merge(later(26.1))
    told.holds()
    told.fleet_holds(CPU)
    told.fleet_holds(CPU, 3600)
    assert set(Chunk.objects.exclude(tier=0).values_list("part", flat=True)) == {0}
    assert set(FleetChunk.objects.values_list("tier", "part")) == {(300, 0), (3600, 0)}
    assert Dirty.objects.count() == 0


def test_late_rows_find_their_hour_and_day_however_late(told: Told, servers: list[int]) -> None:
    steady(told, servers[:2], NOON, 3)
    told.seal()
    told.merge(later(30))
    for hours in (30, 60):
        told.say(servers[0], [CPU], [(NOON - 1000 * hours, [hours]), (NOON + 77_000, [0.5])], received=later(hours))
        told.say(servers[2], [CPU, LOAD], [(NOON + 70_000 + hours, [1, 2])], received=later(hours))
        told.holds()
        told.seal(later(hours + 1))
        told.holds()
        told.merge(later(hours + 2))
        told.holds()
        told.merge(later(hours + 2.2))
        told.fleet_holds(CPU)
        told.fleet_holds(LOAD)
        told.fleet_holds(CPU, 3600)
    assert (Dirty.objects.count(), FleetChunk.objects.filter(tier=0).count()) == (0, 0)


def test_late_rows_cannot_hide_what_is_left_of_deleted_samples(told: Told, servers: list[int]) -> None:
    one = servers[0]
    told.say(one, [CPU], [(NOON + 1000 * n, [n]) for n in range(100)])
    for merged_at in (later(3), later(30)):
        told.seal(later(1))
        told.merge(merged_at)
        Chunk.objects.filter(tier=0).delete()
        told.say(one, [CPU], [(NOON + 500, [1000])], received=merged_at)
        told.seal(merged_at + 20 * MINUTE)
        told.merge(merged_at + 40 * MINUTE)
        Chunk.objects.filter(tier=0).delete()
        (found,) = told.rolled(one, CPU)
        assert (found.count.tolist(), found.high.tolist()) == ([100], [99])


def test_rows_that_span_hours_gaps_and_a_new_layout_midway(told: Told, servers: list[int]) -> None:
    one, two, _ = servers
    hours = [NOON + n * 20 * MINUTE for n in range(12)]
    told.say(one, [CPU, LOAD], [(t, [n, 1 / (n + 1)]) for n, t in enumerate(hours)])
    told.say(one, [DISK, CPU], [(t + 1, [n, NAN]) for n, t in enumerate(hours[::-1])])
    told.say(two, [LOAD], [(t, [NAN]) for t in hours])
    told.say(two, [f'c{{x="{n}"}}' for n in range(50)], [(hours[3], [n if n % 2 else NAN for n in range(50)])])
    for _ in everything(told):
        told.holds()
    told.fleet_holds(CPU)
    told.fleet_holds(LOAD)


def test_ten_minutes_ahead_and_a_row_a_second(told: Told, servers: list[int]) -> None:
    told.say(servers[0], [CPU], [(NOON + 1000 * n, [n % 17]) for n in range(4000)], received=NOON)
    told.say(servers[1], [CPU], [(NOON + 10 * MINUTE, [5])], received=NOON)
    for _ in everything(told):
        told.holds()
    assert {server: at for server, _, at in uses.seeds(0)} == {servers[0]: NOON, servers[1]: NOON}
    told.fleet_holds(CPU)


def test_two_names_of_one_series_in_a_layout_are_one(told: Told, servers: list[int]) -> None:
    names = ['disk{a="1",b="2"}', 'disk{b="2",a="1"}']
    told.say(servers[0], names, [(NOON, [1, 2]), (NOON + 1000, [3, NAN])])
    for _ in everything(told):
        told.holds()


def test_a_server_that_was_removed_leaves_nothing_and_holds_up_nobody(told: Told, servers: list[int]) -> None:
    steady(told, servers, NOON, 1)
    Server.objects.filter(pk=servers[0]).delete()
    told.seal()
    Server.objects.filter(pk=servers[1]).delete()
    told.merge(later(3))
    assert set(Chunk.objects.values_list("server_id", flat=True)) == {servers[2]}


def test_marks_of_what_was_judged_outlive_the_journal(
    told: Told, servers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uses, "READ_AT_ONCE", 2)
    one = servers[0]
    told.say(one, [CPU], [(NOON, [1])], received=NOON)
    told.say(one, [LOAD], [(NOON + 5000, [1])], received=NOON + 9000)
    told.say(one, [CPU], [(NOON - 5000, [1])], received=NOON + 9000)
    told.seal(later(1))
    told.say(one, [CPU], [(NOON + 20_000, [1])], received=later(1))
    told.say(one, [CPU], [(NOON + 30_000, [1])], received=later(1))
    place = JournalRow.objects.order_by("-pk")[1].pk
    by_layout: dict[int, int] = {}
    for _, layout, at in uses.seeds(place):
        by_layout[layout] = max(at, by_layout.get(layout, 0))
    assert sorted(by_layout.values()) == [NOON + 5000, NOON + 20_000]
    first = Uses.objects.order_by("first")[0]
    assert (first.first, first.last) == (NOON - 5000, NOON)


def test_a_consumer_that_reads_no_more_is_told_of_and_loses_nothing(
    told: Told, servers: list[int], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "patience", behind.Patience())
    Cursor.objects.create(name="forward", place=0)
    steady(told, servers, NOON, 1)
    with caplog.at_level(logging.WARNING):
        told.seal(later(1))
    assert "forward has not read the journal for" in caplog.text
    assert behind.stuck(later(1)) == {"forward": pytest.approx(3600, abs=1)}
    assert JournalRow.objects.count() == 18


def test_a_consumer_that_may_lose_rows_holds_the_journal_up_for_an_hour_and_goes_on_from_there(
    told: Told, servers: list[int], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = behind.Patience()
    monkeypatch.setattr(sealing, "patience", patience)
    Cursor.objects.create(name="rules", place=10**9)
    steady(told, servers, NOON, 10)
    steady(told, servers, later(2), 10)
    first = JournalRow.objects.order_by("pk")[0].pk
    Cursor.objects.create(name="scores", place=first + 3, may_lose=True)
    told.seal(later(2.2))
    assert Cursor.objects.place("scores") == first + 3, "all of us may have been away: it may catch up first"
    patience.late["scores"] -= behind.GRACE
    with caplog.at_level(logging.WARNING):
        told.seal(later(2.2))
    assert "scores did not read 176 rows" in caplog.text
    one = Cursor.objects.get(name="scores")
    assert (one.place, one.lost, one.lost_at is not None) == (first + 179, 176, True)
    assert Cursor.objects.place("sealed") == first + 179
    assert [row.received >= later(2) for row in journal.read(one.place, 1)] == [True], "the hour before now is kept"
    told.seal(later(3.2))
    patience.late["scores"] -= behind.GRACE
    told.seal(later(3.2))
    assert JournalRow.objects.count() == 1, "sealing goes on"
    assert not Cursor.objects.advance("scores", first + 3, first + 4), "who comes back late finds its place moved"
    told.holds()


@pytest.mark.parametrize("put_back", [0, 8000])
def test_the_journal_is_emptied_or_cut_and_its_ids_grow_on(
    told: Told, servers: list[int], monkeypatch: pytest.MonkeyPatch, put_back: int
) -> None:
    monkeypatch.setattr(trimming, "MOST_PUT_BACK", put_back)
    monkeypatch.setattr(trimming, "AT_ONCE", 7)
    steady(told, servers, NOON, 6)
    left = list(JournalRow.objects.filter(received__gte=later(5 / 60)).order_by("pk").values())
    told.seal(later(5 / 60) + sealing.YOUNG)
    assert list(JournalRow.objects.order_by("pk").values()) == left
    told.say(servers[0], [CPU], [(later(1), [1])])
    assert JournalRow.objects.order_by("-pk")[0].pk > left[-1]["id"]
    told.seal(later(2))
    assert JournalRow.objects.count() == 1
    told.holds()


def test_memory_of_the_journal_is_trimmed_with_it(told: Told, servers: list[int]) -> None:
    recent.fill()
    try:
        steady(told, servers, NOON, 6)
        recent.fill()
        told.holds()
        told.seal()
        assert recent.ids(servers[0]) == []
        told.holds()
    finally:
        recent.forget()


def test_tasks_do_what_is_due_and_one_thread_at_a_time(told: Told, servers: list[int]) -> None:
    steady(told, servers, NOON, 1)
    with tasks._sealing.lock:
        tasks.seal()
    assert Chunk.objects.count() == 0
    tasks.seal()
    tasks.merge()
    assert Chunk.objects.filter(tier=0, merged=True).count() == 3
    tasks.expire()
    for alone in (tasks._sealing, tasks._merging, tasks._expiring):
        alone.lease.release()
    assert layouts.by_id


def test_a_restart_after_a_seal_knows_the_newest_rows_and_every_batch(machine: Callable[..., Any]) -> None:
    web = machine()
    now = time.time()
    for age in (900, 600):
        web.report(now - age, load1=age)
    writer.writer()._flush()
    JournalRow.objects.update(received=int((now - 600) * 1000))
    web.report(now, load1=7)
    while sealing.step(int(now * 1000)):
        pass
    assert JournalRow.objects.count() == 1, "only what memory has not written stands there"
    writer.stop()
    latest.rows.clear()
    latest.dirty.clear()
    latest.mend()
    found = latest.get(web.server.pk)
    assert found is not None
    assert found.value("load1") == 7
    before = JournalRow.objects.count()
    for seq in (0, 1, 2):
        web.seq = seq
        assert web.report(now, load1=8).json()["ack"] == seq + 1
    assert JournalRow.objects.count() == before, "every batch was known"


def test_a_chart_shows_the_same_before_and_after_a_seal(
    machine: Callable[..., Any], api: Callable[..., Client]
) -> None:
    web, client = machine(), api()
    now = time.time()
    for age in (7300, 900, 20):
        web.report(now - age, load1=age / 7, **{'disk_used_percent{mount="/"}': age})
    asked = f"/api/v1/series?server={web.server.uuid}&metric=load1&metric=disk_used_percent&start={now - 9000}"
    before = [client.get(asked + points).json() for points in ("", "&points=50&agg=max")]
    assert [len(found["series"]) for found in before] == [2, 2]
    while sealing.step(int(now * 1000) + 10 * MINUTE):
        pass
    after = [client.get(asked + f"&end={now}" + points).json() for points in ("", "&points=50&agg=max")]
    assert after[0] == before[0]
    assert [one["max"].count(None) for one in after[1]["series"]] == [47, 47]
    while merging.step(int(now * 1000) + 3 * 3_600_000, 10.0):
        pass
    assert client.get(asked).json() == before[0]
