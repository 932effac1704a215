"""What memory knows of the unsealed journal is what the journal says, whoever stored it and in whatever order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from core.models import Cursor
from ingest import writer
from metrics import recent
from metrics.latest import latest
from metrics.models import JournalRow, Series
from metrics.shared import Follower
from tests.conftest import Machine

Make = Callable[..., Machine]
NOW = int(time.time()) // 300 * 300 - 600


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    recent.forget()


def post(machine: Machine, *rows: tuple[int, float]) -> None:
    body = {"samples": [{"t": NOW + after, "m": {"cpu_used_percent": value}} for after, value in rows]}
    assert machine.post(body).status_code == 200


def asked() -> recent.Fleet:
    series = Series.objects.get(metric="cpu_used_percent").pk
    found = recent.buckets(series, NOW * 1000, NOW * 1000 + 899_999)
    assert found is not None
    return found


def test_the_writer_tells_rows_and_buckets_as_they_are_stored(machine: Make) -> None:
    web, db = machine("web"), machine("db")
    post(web, (0, 10), (10, 30), (300, 5))
    post(db, (20, 7))
    post(web, (5, 20))
    mine = list(JournalRow.objects.filter(server=web.server).order_by("pk").values_list("pk", flat=True))
    assert recent.ids(web.server.pk) == mine
    found = asked()
    assert found.t.tolist() == [NOW * 1000, (NOW + 300) * 1000]
    of_web = found.servers.tolist().index(web.server.pk)
    assert [found.low[0, of_web], found.mean[0, of_web], found.high[0, of_web], found.count[0, of_web]] == [
        10,
        20,
        30,
        3,
    ]
    assert np.isnan(found.mean[1, 1 - of_web])
    assert found.count[1, 1 - of_web] == 0


def test_what_is_sealed_is_let_go_and_the_rest_stays(machine: Make) -> None:
    web = machine("web")
    post(web, (0, 1), (10, 2))
    post(web, (300, 3))
    first, second = JournalRow.objects.order_by("pk").values_list("pk", flat=True)
    recent.trim(first)
    assert recent.ids(web.server.pk) == [second]
    assert asked().t.tolist() == [(NOW + 300) * 1000]
    recent.trim(second)
    assert (recent.ids(web.server.pk), asked().t.tolist()) == ([], [])


def test_a_start_fills_from_the_journal_behind_the_seal(machine: Make) -> None:
    web = machine("web")
    for after in (0, 10, 20):
        post(web, (after, after))
    rows = list(JournalRow.objects.order_by("pk").values_list("pk", flat=True))
    Cursor.objects.create(name=recent.SEALED, place=rows[0])
    recent.forget()
    assert (recent.ids(web.server.pk), recent.buckets(1, 0, 1)) == (None, None)
    assert recent.fill() == rows[-1]
    assert recent.ids(web.server.pk) == rows[1:]
    assert asked().high.tolist() == [[20]]


def test_a_follower_feeds_it_and_begins_anew_when_its_place_is_gone(machine: Make) -> None:
    web = machine("web")
    post(web, (0, 1))
    follower = Follower()
    held = follower.place
    recent.forget()
    follower = Follower()
    follower.place = held - 1
    sealed = JournalRow.objects.latest("pk").pk
    Cursor.objects.create(name=recent.SEALED, place=sealed)
    assert not follower.step()
    assert (follower.place, recent.ids(web.server.pk)) == (sealed, [])


def test_a_follower_that_was_away_learns_the_rows_that_nobody_flushed_yet(machine: Make) -> None:
    web = machine("web")
    post(web, (0, 1))
    follower = Follower()
    recent.forget()  # the writer of this process stands for another one
    post(web, (10, 2))
    gone = JournalRow.objects.latest("pk").pk
    post(web, (20, 3))
    Cursor.objects.create(name=recent.SEALED, place=gone)
    latest.rows.clear()
    while follower.step():
        pass
    found = latest.get(web.server.pk)
    assert found is not None
    assert found.value("cpu_used_percent") == 3
    assert asked().count.tolist() == [[1]], "what was filled is not taken once more"


def test_a_follower_that_gave_up_takes_no_row_twice(machine: Make) -> None:
    web = machine("web")
    post(web, (0, 1))
    follower = Follower()
    follower.step()
    recent.forget()  # as when nothing was sealed for too long
    post(web, (10, 2))
    post(web, (20, 3))
    Cursor.objects.create(name=recent.SEALED, place=follower.place)
    while follower.step():
        pass
    mine = list(JournalRow.objects.order_by("pk").values_list("pk", flat=True))[1:]
    assert (recent.ids(web.server.pk), asked().count.tolist()) == (mine, [[2]])


def test_memory_is_bounded_by_dropping_the_oldest_buckets(machine: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "MOST_CELLS", 1)
    post(machine("web"), (0, 1), (300, 2))
    assert asked().t.tolist() == [(NOW + 300) * 1000]


def test_a_journal_that_is_never_sealed_is_given_up_and_taken_up_again(
    machine: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = machine("web")
    monkeypatch.setattr(recent, "MOST_ROWS", 1)
    post(web, (0, 1))
    post(web, (10, 1))
    assert recent.ids(web.server.pk) is None
    Cursor.objects.create(name=recent.SEALED, place=JournalRow.objects.latest("pk").pk)
    recent.keep_up()
    assert recent.ids(web.server.pk) == []


def test_a_seal_takes_buckets_whole_though_clocks_run_ahead_and_rows_come_late(
    machine: Make, django_assert_num_queries: Callable[[int], Any]
) -> None:
    web, db = machine("web"), machine("db")
    said = [(web, 0, 10), (db, 300, 299), (web, 299, 301), (db, 310, 311)]
    for who, at, received in said:
        post(who, (at, at))
        newest = JournalRow.objects.latest("pk").pk
        JournalRow.objects.filter(pk=newest).update(received=(NOW + received) * 1000)
    recent.fill()
    sealed = JournalRow.objects.order_by("pk")[1].pk
    with django_assert_num_queries(0):  # the journal is not asked while the writer waits for this memory
        recent.trim(sealed)
    found = asked()
    assert (found.t.tolist(), found.place) == ([NOW * 1000, (NOW + 300) * 1000], sealed)
    assert np.nanmax(found.high, axis=1).tolist() == [299, 310]
    assert found.count.sum() == 2


def test_what_could_not_be_remembered_is_asked_of_the_table(machine: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    web = machine("web")
    post(web, (0, 1))
    monkeypatch.setattr(recent._recent, "_take", lambda posts: posts[0].nothing)
    post(web, (10, 2))
    assert recent.ids(web.server.pk) is None
    found = latest.get(web.server.pk)
    assert found is not None
    assert found.value("cpu_used_percent") == 2


def test_where_the_answer_to_a_commit_may_be_lost_the_table_is_asked(machine: Make) -> None:
    web = machine("web")
    post(web, (0, 1))
    writer.writer().identities.shared = True  # PostgreSQL
    writer.writer()._recover()
    assert recent.ids(web.server.pk) is None
