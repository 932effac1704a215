"""What the child does: takes due trainings one after the other, learns, stores; each is whole or was not begun."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from django.db import transaction
from django.db.models import Case, QuerySet, When

from core.clock import milliseconds, now
from core.locking import locked
from ml import hours, pipeline, thresholds, versions
from ml.model import Model
from ml.models import Episode, Training, Watch
from ml.preprocess import Floats, NotEnough, Times
from ml.training import choice, past, plan, reading
from ml.training.reading import Rows

log = logging.getLogger(__name__)

HOUR = 3600
AGAIN, LATEST = 600, 86_400  # seconds until what lacks rows is tried again: as long as nothing has come, within these
WAITED_FOR = ("first", "regime", "asked")  # no model yet, or somebody asked for it: before the rest
TRIES = 3
LOOKED_BACK = 2 * 86_400_000  # over which two versions are compared
KEPT_TRAININGS = 5
SEASONED = 3 * plan.DAY  # from then on the hours of the day are told apart, later those of the week


def work(most: int, seconds: float, *, room: Callable[[], bool] = lambda: True) -> int:
    """Learn what is due, at most so many and for so long; gives how many were worked off."""
    end, done = time.monotonic() + seconds, 0
    while done < most and time.monotonic() < end and room():
        row = _claim()
        if row is None:
            break
        done += 1
        _do(row)
    return done


def due() -> QuerySet[Training]:
    """What is to be learnt of servers by now."""
    return Training.objects.filter(state="due", due_at__lte=now()).exclude(server=None)


def _claim() -> Training | None:
    """The one that is due longest, ours from now on; what somebody waits for comes before refits."""
    pressing = Case(When(why__in=WAITED_FOR, then=0), default=1)
    with transaction.atomic():
        row = locked(due(), skip=True).order_by(pressing, "due_at").first()
        if row is None:
            return None
        row.state, row.began_at, row.tries = "running", now(), row.tries + 1
        row.save(update_fields=["state", "began_at", "tries"])
        return row


def _do(row: Training) -> None:
    try:
        done = _learn(row)
    except Exception as error:
        log.exception("Training %d of server %s failed", row.pk, row.server_id)
        done = "failed", error.__class__.__name__
    if done:
        _close(row, *done)


def _wait(row: Training, reason: str, newest: int) -> None:
    """Rows will come: the same training again later. A refit that finds too little keeps what is there.

    Of a server that fell silent none come: each wait is as long as the silence so far. `Book.returned` ends it.
    """
    Watch.objects.filter(server=row.server_id).update(said=reason[:300])
    silent = (milliseconds() - newest) / 1000
    later = now() + timedelta(seconds=min(max(AGAIN, silent), LATEST))
    Training.objects.filter(pk=row.pk).update(state="due", due_at=later, said=reason[:300], progress=0.0, tries=0)


def _close(row: Training, state: str, said: str) -> None:
    with transaction.atomic():
        Training.objects.filter(pk=row.pk).update(state=state, said=said[:300], progress=1.0, ended_at=now())
        watch = Watch.objects.filter(server=row.server_id).first()
        if watch is not None:
            _next(row, watch, failed=state == "failed")
        old = Training.objects.filter(server=row.server_id).exclude(state__in=("due", "running")).order_by("-pk")
        Training.objects.filter(pk__in=list(old.values_list("pk", flat=True)[KEPT_TRAININGS:])).delete()


def _next(row: Training, watch: Watch, *, failed: bool) -> None:
    """What is to be learnt after this."""
    if failed and row.tries < TRIES:
        why, when = row.why, now() + timedelta(seconds=AGAIN * row.tries)
    elif watch.full_at is None:
        # Of a day with holes in it too little may be there: it is tried again, and not at once.
        soon = now() + timedelta(seconds=HOUR if row.why == "day" else 60)
        why, when = "day", max(plan.grown_due(watch.since), soon)
    else:
        why, when = "weekly", plan.weekly_due(watch.server_id)
    fresh = Training(
        server_id=watch.server_id, why=why, due_at=when, span_from=row.span_from if why == row.why else 0
    )
    fresh.tries = row.tries if why == row.why and failed else 0
    Training.objects.bulk_create([fresh], ignore_conflicts=True)


def _learn(row: Training) -> tuple[str, str] | None:
    """What became of it, and a sentence; nothing where too little was measured so far."""
    watch = Watch.objects.select_related("server").get(server=row.server_id)
    start, end = max(watch.since, row.span_from), milliseconds()
    rows = reading.read(watch.server_id, start, end, 1000 * watch.server.interval)
    _progress(row, 0.3)
    try:
        learnt = learn(watch, rows, row.why)
    except NotEnough as fault:
        _wait(row, fault.reason, int(rows.times[-1]) if len(rows.times) else start)
        return None
    _progress(row, 0.9)
    with transaction.atomic():
        version = versions.store(learnt.made)
        if version.state == "refused":
            return "refused", version.said
        _judge_by(watch.server_id, learnt.maxima)
        if watch.full_at is None and not version.short and not Episode.objects.filter(server=row.server_id).exists():
            before = past.episodes(watch.server_id, version.number, learnt.made.model, learnt.said, learnt.limit)
            Episode.objects.bulk_create(before)
    said = f"Version {version.number}, from {version.rows} rows of {len(version.columns)} series."
    return "done", f"{said} {choice.chosen().said}".strip()


@dataclass(frozen=True)
class Learnt:
    """A model, the maxima of its hours, what it says of its own rows, and from where on that is unusual."""

    made: versions.Made
    maxima: hours.Hours
    said: pipeline.Replay
    limit: float


def learn(watch: Watch, rows: Rows, why: str) -> Learnt:
    """A model of these rows, how it does on the last days beside the one before, and the maxima of its hours."""
    model = _fitted(watch, rows, why)
    before = versions.load(watch.server_id)
    said = _replayed(model, rows.times, rows.values)
    tails = said.at(rows.times, model.step_ms)
    maxima = reading.hourly(rows.times, tails)
    limit = thresholds.of(maxima, watch.server)
    late = rows.times >= rows.times[-1] - LOOKED_BACK
    figures = {"alert_share": _share(tails[late], limit)}
    if before is not None:
        old = reading.placed(rows.values[late], rows.columns, before[1].columns)
        past_tails = _replayed(before[1], rows.times[late], old).at(rows.times[late], before[1].step_ms)
        figures["alert_share_before"] = _share(past_tails, watch.threshold)
    short = int(rows.times[-1] - rows.times[0]) < 0.9 * plan.DAY
    return Learnt(versions.Made(watch.server_id, why, model, short, figures), maxima, said, limit)


def _fitted(watch: Watch, rows: Rows, why: str) -> Model:
    times: Times | None = None
    values: Floats | None = None
    if why != "regime" and len(rows.times) and rows.times[-1] - watch.since >= SEASONED:
        times, values = reading.season(watch.server_id, rows.columns, int(rows.times[-1]))
    options = pipeline.Options(
        choice.chosen().detectors, tick_ms=rows.tick_ms, season_times=times, season_values=values
    )
    return pipeline.fit(
        rows.times, rows.values, rows.columns, step_ms=rows.step_ms, mask=rows.mask if rows.mask.any() else None,
        options=options,
    )  # fmt: skip


def _replayed(model: Model, times: Times, values: Floats) -> pipeline.Replay:
    """What the model says of rows on the grid of learning."""
    return pipeline.replay(replace(model, tick_ms=model.step_ms), times, values)


def _share(tails: Floats, limit: float) -> float:
    known = tails[~np.isnan(tails)]
    return round(float((known >= limit).mean()), 6) if len(known) else 0.0


def _judge_by(server: int, maxima: hours.Hours) -> None:
    """The past by the new model says what counts as unusual today."""
    watch = locked(Watch.objects).select_related("server").get(server=server)
    watch.maxima = hours.pack(maxima)
    watch.threshold, watch.threshold_at = thresholds.of(maxima, watch.server), now()
    watch.save(update_fields=["maxima", "threshold", "threshold_at"])


def _progress(row: Training, share: float) -> None:
    Training.objects.filter(pk=row.pk).update(progress=share)
