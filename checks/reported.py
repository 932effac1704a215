"""Checks that agents run, as the hub sees them: by the samples that came. No sample is no knowledge, not down."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np
from django.db import transaction

from checks import beating, probing, services
from checks.models import DOWN, UP, Run
from metrics.store import DatabaseStore

WRITTEN = ["due_at", "lease_owner", "lease_until", "state", "since", "at", "failures", "seconds", "said"]
METRICS = ("check_up", "check_response_seconds", "check_certificate_seconds_left")
LONGEST_BACK = 3600


def tick(runs: list[Run], now: datetime) -> None:
    """Read what came since the last look; the machine's own events say why."""
    with transaction.atomic():
        rows = beating.in_order(run.pk for run in runs).select_related("check_ref__server")
        fresh = list(rows)
        for run in fresh:
            if not _read(run, now):
                probing.again(run.check_ref.server, now)
            run.lease_owner, run.lease_until = "", None
            if run.due_at is not None:
                run.due_at = services.next_due(run.check_ref, now)
        Run.objects.bulk_create(
            fresh, update_conflicts=True, unique_fields=["check_ref"], update_fields=WRITTEN, batch_size=60
        )


def _read(run: Run, now: datetime) -> bool:
    """Whether anything was told."""
    check = run.check_ref
    end = round(now.timestamp() * 1000)
    start = end - 1000 * min(LONGEST_BACK, max(120, 3 * check.interval))
    found = {metric: _newest(check.server_id, check.column(metric), start, end) for metric in METRICS}
    at, up = found["check_up"]
    if math.isnan(up):
        run.said = "Its agent has told nothing of it lately."
        return False
    state = UP if up else DOWN
    moment = datetime.fromtimestamp(at / 1000, now.tzinfo)
    if state != run.state:
        run.state, run.since = state, moment
    run.at, run.said = moment, "Its agent says it works." if up else _why(run) or "Its agent says it does not work."
    took = found["check_response_seconds"][1]
    run.seconds = None if math.isnan(took) else took
    return True


def _why(run: Run) -> str:
    """What the agent told when it went down."""
    last = services.events(run.check_ref).filter(fields__state=DOWN).order_by("-at", "-pk").first()
    return last.text.partition(" is down: ")[2][:500] if last else ""


def _newest(server: int, column: str, start: int, end: int) -> tuple[int, float]:
    metric = column.partition("{")[0]
    store = DatabaseStore()
    for named in store.series(server, [metric], start, end):
        if services.spelled(named.key) == column:
            line = store.range(server, [named], start, end)[named.key]
            told = np.flatnonzero(~np.isnan(line.mean))
            if len(told):
                return int(line.t[told[-1]]), float(line.mean[told[-1]])
    return 0, math.nan
