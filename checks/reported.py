"""Checks that agents run, as the hub sees them: by the samples that came. No sample is no knowledge, not down."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np
from django.db import transaction

from checks import beating, probing, services
from checks.models import DOWN, NEW, UP, Check, Run
from metrics.base import Line
from metrics.store import DatabaseStore

WRITTEN = [
    "due_at", "lease_owner", "lease_until", "state", "since", "at", "failures", "seconds", "said", "certificate_ends",
]  # fmt: skip
METRICS = ("check_up", "check_response_seconds", "check_certificate_seconds_left")
LONGEST_BACK = 3600

Told = dict[str, tuple[int, float]]
"""By metric the newest value, and when it was measured in milliseconds."""


def tick(runs: list[Run], now: datetime) -> None:
    """Read what came since the last look, before any row is held; the machine's own events say why."""
    told = _told([run.check_ref for run in runs], now)
    why = {run.pk: _why(run.check_ref) for run in runs if told[run.pk]["check_up"][1] == 0}
    silent = {}
    with transaction.atomic():
        rows = beating.in_order(run.pk for run in runs).select_related("check_ref__server")
        fresh = list(rows)
        for run in fresh:
            if not _settle(run, told[run.pk], why.get(run.pk, ""), now):
                silent[run.check_ref.server_id] = run.check_ref.server
            run.lease_owner, run.lease_until = "", None
            if run.due_at is not None:
                run.due_at = services.next_due(run.check_ref, now)
        Run.objects.bulk_create(
            fresh, update_conflicts=True, unique_fields=["check_ref"], update_fields=WRITTEN, batch_size=60
        )
    for server in silent.values():
        probing.again(server, now)


def _settle(run: Run, told: Told, why: str, now: datetime) -> bool:
    """Whether anything was told."""
    at, up = told["check_up"]
    if math.isnan(up):
        run.state, run.said = NEW, "Its agent has told nothing of it lately."
        return False
    state = UP if up else DOWN
    moment = datetime.fromtimestamp(at / 1000, now.tzinfo)
    if state != run.state:
        run.state, run.since = state, moment
    run.at, run.said = moment, "Its agent says it works." if up else why or "Its agent says it does not work."
    took, left = (told[metric][1] for metric in METRICS[1:])
    run.seconds = None if math.isnan(took) else took
    run.certificate_ends = None if math.isnan(left) else moment + timedelta(seconds=round(left))
    return True


def _why(check: Check) -> str:
    """What the agent told when it went down."""
    last = services.events(check).filter(fields__state=DOWN).order_by("-at", "-pk").first()
    return last.text.partition(" is down: ")[2][:500] if last else ""


def _told(checks: Iterable[Check], now: datetime) -> dict[int, Told]:
    """Of each check, by its number; each server is asked once for all of its checks."""
    end = round(now.timestamp() * 1000)
    by_server: dict[int, list[Check]] = defaultdict(list)
    for check in checks:
        by_server[check.server_id].append(check)
    found: dict[int, Told] = {}
    for server, mine in by_server.items():
        lines = _lines(server, mine, end)
        for check in mine:
            start = end - _back(check)
            found[check.pk] = {metric: _newest(lines.get(check.column(metric)), start) for metric in METRICS}
    return found


def _back(check: Check) -> int:
    """Milliseconds in which it should have told something."""
    return 1000 * min(LONGEST_BACK, max(120, 3 * check.interval))


def _lines(server: int, checks: list[Check], end: int) -> dict[str, Line]:
    """By their columns."""
    start = end - max(map(_back, checks))
    wanted = {check.column(metric) for check in checks for metric in METRICS}
    store = DatabaseStore()
    named = {services.spelled(one.key): one for one in store.series(server, METRICS, start, end)}
    mine = {column: one for column, one in named.items() if column in wanted}
    found = store.range(server, list(mine.values()), start, end) if mine else {}
    return {column: found[one.key] for column, one in mine.items()}


def _newest(line: Line | None, start: int) -> tuple[int, float]:
    if line is not None:
        told = np.flatnonzero(~np.isnan(line.mean) & (line.t >= start))
        if len(told):
            return int(line.t[told[-1]]), float(line.mean[told[-1]])
    return 0, math.nan
