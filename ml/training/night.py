"""Each night of every model that alerts: how rare its scores were over the last days, and what crept away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from math import isfinite
from typing import Any

from django.db.models import F, Q, QuerySet

from core.clock import milliseconds, now
from ml import drift, pipeline, versions
from ml.budget import FRESH_DAYS
from ml.drift import Drift
from ml.models import Watch
from ml.training import plan, reading

log = logging.getLogger(__name__)

TOLD = 5


def due(since: datetime) -> QuerySet[Watch]:
    """Servers whose night of this date is still to come."""
    rows = Watch.objects.exclude(version=None).exclude(full_at=None).filter(server__paused=False)
    return rows.filter(Q(fresh_at=None) | Q(fresh_at__lt=since))


def work(since: datetime, seconds: float, *, room: Callable[[], bool] = lambda: True) -> int:
    """As many as there is time for, those first whose last night is longest ago; gives how many.

    One server's odd rows must not cost the others their night.
    """
    end, done = time.monotonic() + seconds, 0
    rows = due(since).order_by(F("fresh_at").asc(nulls_first=True), "server")
    for server in list(rows.values_list("server", flat=True)):
        if time.monotonic() >= end or not room():
            break
        # Before the work: a server that ends the child is not met again tonight.
        Watch.objects.filter(server=server).update(fresh_at=now())
        done += 1
        try:
            compare(server)
        except Exception:
            log.exception("Server %d was not compared with its last days", server)
    return done


def compare(server: int) -> None:
    """A version never changes: what a night adds to it stands beside it, and goes with the version."""
    watch = Watch.objects.select_related("server").filter(server=server).first()
    found = versions.load(server) if watch else None
    if watch is None or found is None:
        return
    row, model = found
    end = milliseconds()
    start = max(watch.since, end - FRESH_DAYS * plan.DAY)
    rows = reading.read(server, start, end, 1000 * watch.server.interval)
    values = reading.placed(rows.values, rows.columns, model.columns)
    fresh = pipeline.recalibrated(model, rows.times, values)
    crept = [_told(one) for one in drift.drifted(model, rows.times, values)[:TOLD] if _finite(one)]
    mine = Watch.objects.filter(server=server, version=row.pk)
    mine.update(fresh=fresh.pack_fresh(), fresh_at=now(), crept=crept)


def _finite(one: Drift) -> bool:
    """JSON knows numbers only."""
    return all(isfinite(each) for each in (one.strays, one.was, one.now))


def _told(one: Drift) -> dict[str, Any]:
    return {"column": one.column, "strays": round(one.strays, 1), "was": one.was, "now": one.now}
