"""The writer and its memory: what breaks for one must not break for others, and nothing breaks for ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from django.db import DatabaseError, IntegrityError, OperationalError

from ingest import writer
from metrics import identities, journal, ranges
from metrics.identities import Identities
from metrics.latest import latest
from metrics.layouts import Known
from metrics.models import Accepted, JournalRow, Latest
from tests.conftest import Machine

Make = Callable[..., Machine]


@pytest.fixture
def listeners() -> Iterator[list[Any]]:
    before = list(journal._listeners)
    yield journal._listeners
    journal._listeners[:] = before


def sent(seq: int, boot: str = "b") -> dict[str, Any]:
    return {"boot": boot, "seq": seq, "samples": [{"t": time.time(), "m": {"cpu_used_percent": 1}}]}


def test_a_removed_server_does_not_stop_the_flushing_of_the_others(machine: Make) -> None:
    gone, stays = machine("gone"), machine("stays")
    gone.report(cpu_used_percent=1)
    stays.report(cpu_used_percent=1)
    gone.server.delete()
    writer.writer()._flush()
    assert list(Accepted.objects.values_list("server", flat=True)) == [stays.server.pk]
    assert list(Latest.objects.values_list("server", flat=True)) == [stays.server.pk]
    assert list(latest.rows) == [stays.server.pk]


def test_a_removed_server_does_not_come_back_with_a_restart(machine: Make) -> None:
    gone, stays = machine("gone"), machine("stays")
    gone.report(cpu_used_percent=1)
    stays.report(cpu_used_percent=1)
    gone.server.delete()
    latest.rows.clear()
    latest.mend()
    mended = Identities(shared=False)
    mended.mend()
    mended.flush(1)
    assert (list(latest.rows), [server for server, _ in mended.taken]) == ([stays.server.pk], [stays.server.pk])


def test_identities_and_newest_rows_are_flushed_each_by_itself(
    machine: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine().report(cpu_used_percent=1)
    held = writer.writer()
    monkeypatch.setattr(held.identities, "flush", broken)
    held._flush()
    assert Latest.objects.count() == 1


def test_a_group_that_a_removed_server_fails_is_stored_without_it(
    machine: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, stays = machine("gone"), machine("stays")
    held = writer.writer()
    store, number = held._store, gone.server.pk

    def like_postgres(group: list[journal.Entry]) -> None:
        if any(entry.server == number for entry in group):
            raise IntegrityError("violates foreign key constraint")
        store(group)

    monkeypatch.setattr(held, "_store", like_postgres)
    assert stays.post(sent(1)).status_code == 200
    gone.server.delete()
    reply = gone.post(sent(1))
    assert (reply.status_code, reply.json()["error"]) == (401, "unauthorized")
    assert stays.post(sent(2)).status_code == 200


def test_a_failed_group_forgets_its_own_batches_and_no_others(machine: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    web = machine()
    web.post(sent(1))
    monkeypatch.setattr(writer.writer().identities, "mend", broken)
    with monkeypatch.context() as outage:
        outage.setattr(journal, "_insert", broken)
        assert web.post(sent(2)).status_code == 503
    assert [web.post(sent(seq)).status_code for seq in (1, 2, 2)] == [200] * 3
    assert list(JournalRow.objects.order_by("seq").values_list("seq", flat=True)) == [1, 2]


def test_mending_reads_the_end_of_the_journal_only(machine: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    web = machine()
    for _ in range(6):
        web.report(cpu_used_percent=1)
    monkeypatch.setattr("metrics.models.OLD_ENOUGH", 2)
    rows = list(JournalRow.objects.order_by("pk"))
    JournalRow.objects.filter(pk__lte=rows[3].pk).update(received=1000)
    JournalRow.objects.filter(pk=rows[4].pk).update(received=1001)
    JournalRow.objects.filter(pk__in=[rows[0].pk, rows[3].pk]).update(received=5000)
    found = JournalRow.objects.all().since(5000).order_by("pk")
    assert [row.pk for row in found] == [row.pk for row in rows[3:]], "a clock set back hides nothing near the end"


@pytest.mark.parametrize("fault", [DatabaseError("no"), ValueError("no"), MemoryError("no")])
def test_a_writer_survives_what_breaks_behind_a_commit(
    machine: Make, monkeypatch: pytest.MonkeyPatch, listeners: list[Any], fault: Exception
) -> None:
    web = machine()
    held = writer.writer()
    told: list[int] = []
    listeners[:] = [lambda _: broken(fault=fault), lambda group: told.append(len(group))]
    monkeypatch.setattr(latest, "take", lambda *_: broken(fault=fault))
    monkeypatch.setattr(latest, "flush", lambda: broken(fault=fault))
    held.flushed = float("-inf")
    assert [web.post(sent(seq)).status_code for seq in (1, 2)] == [200, 200]
    assert held.is_alive()
    writer.stop()
    assert told == [1, 1]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_who_waits_when_the_writer_dies_is_answered_and_the_next_finds_a_new_one(
    machine: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = machine()
    held = writer.writer()

    def die(_group: list[journal.Entry]) -> None:
        raise SystemExit

    monkeypatch.setattr(held, "_store", die)
    began = time.monotonic()
    assert web.post(sent(1)).status_code == 503
    assert time.monotonic() - began < 8
    held.join(5)
    assert web.post(sent(2)).status_code == 200


def test_boots_that_nobody_used_for_the_retention_are_dropped(machine: Make) -> None:
    web = machine()
    web.post(sent(1, "old"))
    web.post(sent(1, "new"))
    held = writer.writer()
    held._flush()
    Accepted.objects.filter(boot="old").update(changed=1)
    held.identities.expired = float("-inf")
    held._flush()
    assert list(Accepted.objects.values_list("boot", flat=True)) == ["new"]


def test_memory_for_boots_is_bounded_and_forgets_no_batch(machine: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identities, "MOST_HELD", 20)
    web = machine()
    for number in range(30):
        web.post(sent(1, f"b{number}"))
    held = writer.writer()
    held._flush()
    assert len(held.identities.taken) <= 10
    web.post(sent(1, "b0"))
    assert JournalRow.objects.count() == 30


def test_only_the_boots_of_a_group_are_read(machine: Make, django_assert_num_queries: Any) -> None:
    web = machine()
    Accepted.objects.bulk_create(Accepted(server=web.server, boot=f"b{n}", ranges=[[n, n]]) for n in range(2000))
    held = Identities(shared=True)
    with django_assert_num_queries(1):
        held.load({(web.server.pk, "b7"), (web.server.pk, "none")})
    assert held.taken == {(web.server.pk, "b7"): [[7, 7]], (web.server.pk, "none"): []}


def test_reading_the_journal_stops_at_bytes_as_well_as_at_rows(
    machine: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = machine()
    for _ in range(5):
        web.report(cpu_used_percent=1)
    monkeypatch.setattr(journal, "MOST_READ", 33)
    first = list(journal.read(0))
    assert len(first) == 2, "16 bytes a row"
    monkeypatch.setattr(journal, "MOST_READ", 1)
    assert len(list(journal.read(first[-1].id))) == 1, "a huge row is read all the same"


def test_a_newest_row_does_not_keep_its_whole_post_in_memory(machine: Make) -> None:
    web = machine()
    web.report(cpu_used_percent=1)
    assert latest.rows[web.server.pk].values.base is None


def test_ranges_give_back_what_is_taken_out() -> None:
    kept: ranges.Ranges = [[1, 5], [9, 9]]
    for number in (3, 9, 1, 7):
        ranges.remove(kept, number)
    assert kept == [[2, 2], [4, 5]]


def broken(*_: Any, fault: Exception | None = None) -> Any:
    raise fault or OperationalError("disk I/O error")


def entry(server: int) -> journal.Entry:
    known = Known(1, "h", ["a"], np.array([1]), {"a": 0})
    return journal.Entry(server, known, 0, np.array([0]), np.array([[1.0]]))


def test_a_group_waits_for_company_only_while_many_servers_post() -> None:
    held = journal.Writer(shared=False)
    for _ in range(100):
        held.flow.take([entry(1)])
    assert not held.flow.crowded(), "one server sends its spool and waits for each answer"
    for server in range(journal.MANY):
        held.flow.take([entry(server)])
    assert held.flow.crowded()
    held.waiting.put(entry(1))
    began = time.monotonic()
    assert len(held._gather() or []) == 1
    assert journal.GLANCE <= time.monotonic() - began < journal.LINGER, "nobody came: it goes on"


def test_where_others_write_too_a_failed_group_leaves_nothing_to_be_flushed_later(machine: Make) -> None:
    web = machine()
    held = Identities(shared=True)
    key = (web.server.pk, "b")
    held.load({key})
    held.is_repeat(*key, 1)
    held.undo()
    Accepted.objects.create(server=web.server, boot="b", ranges=[[1, 5]])
    held.flush(1)
    assert Accepted.objects.get(boot="b").ranges == [[1, 5]], "what another process took meanwhile stays"
