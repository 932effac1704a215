"""Clocks that jump and power cuts in a row: nothing is refused for good, deleted, or taken twice because of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from accounts.models import Team
from core import clock
from ingest import writer
from metrics import merging, retention, sealing, tasks
from metrics.identities import Identities
from metrics.journal import Writer
from metrics.latest import latest
from metrics.models import Accepted, Chunk, Dirty, JournalRow
from monitor import schedule
from monitor.background import Beat
from servers.models import Server
from tests.conftest import Machine
from tests.metrics.storing import NOON, Told, later
from tests.product import until

Make = Callable[..., Machine]
HOUR, YEAR = 3600, 365 * 86_400


@pytest.fixture
def jump(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set this machine's clock by so many seconds; the monotonic one goes on."""
    plain, shift = time.time_ns, [0]
    monkeypatch.setattr(time, "time_ns", lambda: plain() + shift[0])
    monkeypatch.setattr(clock.steady, "offset", clock.steady.offset)
    monkeypatch.setattr(clock.steady, "set_at", None)

    def by(seconds: float) -> None:
        shift[0] = int(seconds * 1e9)

    return by


@pytest.mark.parametrize("seconds", [-YEAR, -86_400, -HOUR, HOUR, 86_400, YEAR])
def test_the_hubs_clock_may_jump_and_nothing_is_refused(
    machine: Make, jump: Callable[[float], None], seconds: float
) -> None:
    web = machine()
    real = time.time()
    assert web.report(real - 2, cpu_used_percent=1).json()["accepted"] == 1
    jump(seconds)
    assert web.report(real - 1, cpu_used_percent=2).json() | {"orders": []} == {
        "ack": 2, "accepted": 1, "refused": [], "interval": 10, "orders": [],
    }  # fmt: skip
    jump(0)
    assert web.report(real, cpu_used_percent=3).json()["accepted"] == 1


def test_what_its_clock_said_for_a_day_is_believed(machine: Make, jump: Callable[[float], None]) -> None:
    machine()
    jump(YEAR)
    before = clock.steady()
    assert abs(before - time.monotonic_ns() // 1_000_000 - clock.steady.offset // 1_000_000) < 1000
    clock.steady.set_at = time.monotonic_ns() - clock.BELIEVED - 1
    clock.steady()
    assert abs(clock.steady() - clock.milliseconds()) < 1000


def test_a_jump_of_a_year_deletes_nothing(machine: Make, jump: Callable[[float], None]) -> None:
    machine().report(cpu_used_percent=1)
    while sealing.step(clock.milliseconds() + 600_000):
        pass
    kept = Chunk.objects.count()
    assert kept
    jump(YEAR)
    tasks.expire()
    assert Chunk.objects.count() == kept
    assert retention.step(clock.milliseconds()) is False
    assert Chunk.objects.count() == 0, "it would have"


def test_batches_taken_after_the_clock_was_set_back_are_known_after_a_power_cut(
    machine: Make, jump: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    web = machine()
    jump(86_400)
    web.report(time.time(), cpu_used_percent=1)
    writer.writer()._flush()
    jump(0)
    JournalRow.objects.create(**row(web, seq=7))
    mended = Identities(shared=False)
    mended.mend()
    assert mended.is_repeat(web.server.pk, "b1", 7)


def test_who_was_heard_by_a_clock_that_was_ahead_was_not_seen_in_the_future(
    machine: Make, jump: Callable[[float], None]
) -> None:
    web = machine()
    for ahead in (YEAR, 0):
        jump(ahead)
        web.report(time.time() + ahead / YEAR, cpu_used_percent=1)
    found = latest.get(web.server.pk)
    assert found is not None
    assert abs(found.received - clock.milliseconds()) < 60_000


def test_a_jump_of_a_year_forgets_no_batch(machine: Make, jump: Callable[[float], None]) -> None:
    web = machine()
    web.report(cpu_used_percent=1)
    writer.writer()._flush()
    jump(YEAR)
    Identities(shared=False).expire(clock.milliseconds())
    assert Accepted.objects.filter(server=web.server).exists()


def test_what_a_restart_mends_is_written_at_once(machine: Make) -> None:
    """Else two power cuts within a minute would lose the identities of rows that were sealed in between."""
    web = machine()
    web.report(cpu_used_percent=1)
    writer.stop()
    JournalRow.objects.create(**row(web, seq=7))
    alone = Writer(shared=False)  # with others, identities are part of each commit
    alone.mend()
    alone.start()
    until(lambda: Accepted.objects.get(server=web.server).ranges[-1] == [7, 7], 3, "the flush")
    alone.end(3.0)


def test_what_a_clock_that_was_ahead_marked_for_later_is_done_now(team: Team) -> None:
    """Else no day would become one for a year, and its hours would be gone with its minutes."""
    web = Server.objects.create(team=team, number=1, name="web", hostname="web", fingerprint="-").pk
    told = Told()
    told.say(web, ["load1"], [(NOON, [1]), (later(1), [2])])
    told.seal(later(3))
    while merging._merge(later(24 * 370)):
        pass
    assert not Dirty.objects.filter(due__lte=later(24 * 360)).exists()
    told.merge(later(3))
    assert not Dirty.objects.filter(tier=0).exists()
    told.merge(later(30))
    assert not Dirty.objects.exists()
    told.fleet_holds("load1", 3600)
    assert Chunk.objects.filter(tier=3600).count() == 1


@pytest.mark.django_db(transaction=True)
def test_jobs_that_last_ran_in_the_future_run_now() -> None:
    """The clock was ahead, and was set back: nothing would be sealed or merged until it is there again."""
    schedule.install()
    ahead = timezone.now() + timedelta(days=370)
    PeriodicTask.objects.update(last_run_at=ahead)
    beat = Beat()
    beat._mind_clock()
    assert not PeriodicTask.objects.filter(last_run_at__gt=timezone.now()).exists()
    assert all(entry.is_due()[1] <= HOUR for entry in beat.service.scheduler.schedule.values())
    for entry in beat.service.scheduler.schedule.values():  # and while it runs
        entry.last_run_at = ahead
    beat.clock -= 370 * 86_400
    beat._mind_clock()
    assert all(entry.is_due()[1] <= HOUR for entry in beat.service.scheduler.schedule.values())


def row(web: Machine, seq: int) -> dict[str, Any]:
    like = JournalRow.objects.filter(server=web.server.pk).latest("pk")
    fields = {name: getattr(like, name) for name in ("server_id", "layout_id", "start", "end", "boot", "rows")}
    return {**fields, "received": clock.milliseconds(), "seq": seq}
