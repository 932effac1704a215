"""Heartbeats in the database: signals as they come, and the row that is due when one does not."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber

from checks import beats, series, services
from checks.beats import Beat
from checks.models import DOWN, Check, Run, Signal
from core.clock import milliseconds
from core.locking import locked
from servers.services import add_events

log = logging.getLogger(__name__)

KEPT = 200
MOST_GONE, GONE_AT_ONCE = 100_000, 500
FIELDS = ["state", "since", "at", "started_at", "expected_at", "excused_until", "seconds", "said"]
WRITTEN = [*FIELDS, "due_at", "lease_owner", "lease_until"]


@dataclass(frozen=True, slots=True)
class Heard:
    """A signal on its way into the database."""

    check: int
    kind: str
    code: int | None
    at: datetime
    body: str = ""
    address: str = ""


def of(run: Run) -> Beat:
    return Beat(
        run.state, run.since, run.at, run.started_at, run.expected_at, run.excused_until, run.seconds, run.said
    )


def in_order(numbers: Iterable[int]) -> QuerySet[Run]:
    """These rows, held; always in the same order, so that no two who hold some wait for each other."""
    return locked(Run.objects).filter(pk__in=set(numbers)).order_by("check_ref_id")


def put(run: Run, beat: Beat) -> None:
    for name in FIELDS:
        setattr(run, name, getattr(beat, name))


def take(heard: list[Heard]) -> None:
    """Keep signals in the order they came, all in one transaction; whoever sent them is answered after it."""
    samples: list[series.Sample] = []
    with transaction.atomic():
        rows = in_order(one.check for one in heard)
        runs = {run.pk: run for run in rows.select_related("check_ref__server")}
        signals = [signal for one in heard if (signal := _one(one, runs, samples))]
        Signal.objects.bulk_create(signals)
        _write(runs.values())
    series.store(samples)


def _one(one: Heard, runs: dict[int, Run], samples: list[series.Sample]) -> Signal | None:
    run = runs.get(one.check)
    if run is None:
        return None
    check, before = run.check_ref, of(run)
    kept = Signal(check_ref_id=one.check, at=one.at, kind=one.kind, code=one.code, body=one.body, address=one.address)
    if one.kind == "log" or check.paused:
        return kept
    after = beats.signal(before, services.beat_config(check), one.kind, one.code, one.at)
    kept.seconds = after.seconds if one.kind != "start" else None
    _move(run, before, after, one.at)
    if one.kind != "start":
        took = math.nan if after.seconds is None else after.seconds
        samples.append(series.Sample(check, milliseconds(), _up(after), took))
    return kept


def tick(runs: list[Run], now: datetime) -> None:
    """What is due: a missed signal is seen, and what stands goes into the store once a minute."""
    samples = []
    with transaction.atomic():
        rows = in_order(run.pk for run in runs).select_related("check_ref__server")
        fresh = list(rows)
        for run in fresh:
            before = of(run)
            after = beats.judge(before, services.beat_config(run.check_ref), now)
            _move(run, before, after, now)
            if after.state != beats.NEW and not run.check_ref.paused:
                samples.append(series.Sample(run.check_ref, milliseconds(), _up(after)))
        _write(fresh)
    series.store(samples)


def excuse(run: Run, away_from: datetime, back_at: datetime) -> None:
    """While we were away nobody could tell us anything."""
    after = beats.excuse(of(run), services.beat_config(run.check_ref), away_from, back_at)
    Run.objects.filter(pk=run.pk).update(excused_until=after.excused_until)


def _move(run: Run, before: Beat, after: Beat, now: datetime) -> None:
    put(run, after)
    check = run.check_ref
    run.due_at = None if check.paused else _due(check, after, now)
    run.lease_owner, run.lease_until = "", None
    if (before.state == DOWN) != (after.state == DOWN):
        word = "down" if after.state == DOWN else "up again"
        fields: dict[str, object] = {"check": check.label, "state": after.state, "page": f"/checks/{check.uuid}/"}
        add_events(check.server_id, [(now, "check", f"Heartbeat {check.name} is {word}: {after.said}"[:500], fields)])


def _due(check: Check, beat: Beat, now: datetime) -> datetime:
    """When to look next: on its turn once a minute, or at the moment that something ends."""
    turn = services.next_due(check, now)
    if beat.state == DOWN:
        return turn
    ends = (beats.deadline(beat, services.beat_config(check)), beat.expected_at)
    just_after = timedelta(milliseconds=50)
    return min([turn, *(moment + just_after for moment in ends if moment is not None and moment > now)])


def _up(beat: Beat) -> float:
    return 0.0 if beat.state == DOWN else 1.0


def _write(runs: Iterable[Run]) -> None:
    Run.objects.bulk_create(
        list(runs), update_conflicts=True, unique_fields=["check_ref"], update_fields=WRITTEN, batch_size=60
    )


def expire() -> int:
    """Signals beyond the last ones of each check go: found by one question, and let go some at a time."""
    newest_first = Window(RowNumber(), partition_by="check_ref", order_by=[F("at").desc(), F("pk").desc()])
    over = Signal.objects.annotate(place=newest_first).filter(place__gt=KEPT).order_by("pk")
    numbers = list(over.values_list("pk", flat=True)[:MOST_GONE])
    for place in range(0, len(numbers), GONE_AT_ONCE):
        Signal.objects.filter(pk__in=numbers[place : place + GONE_AT_ONCE]).delete()
    return len(numbers)
