"""The last day of each check as the list shows it, kept for some minutes: many tabs ask for it again and again."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checks import services
from checks.models import Check
from dashboards.checks import drawn

DAY = 86_400_000
FRESH = 300.0
"""Seconds: a bar is half an hour wide, a point of the line six minutes."""
WHOLE = 3600.0
"""So long only what came since is read; then all of it once more, as agents may tell hours later."""
BARS, WIDTH = 40, 160
MOST = 2000


@dataclass(frozen=True, slots=True)
class Kept:
    """Of one check: what was read, how it stood then, and what is shown; times by the monotonic clock."""

    state: str
    changed_at: datetime
    fresh: float
    whole: float
    read: services.Recent
    shown: dict[str, Any]


_kept: dict[int, Kept] = {}


def of(row: Check, end: int) -> dict[str, Any]:
    """Bars, the line of its responses and its share of time up; read on as soon as it stands otherwise."""
    known, at = _kept.get(row.pk), time.monotonic()
    if known is not None and (known.changed_at != row.changed_at or known.whole <= at):
        known = None
    if known is not None and known.state == row.run.state and known.fresh > at:
        return known.shown
    read = services.recent(row, end, known.read if known else None)
    past = read.history(end - DAY, end, BARS)
    shown = {"strips": drawn.strips(past, WIDTH), "spark": drawn.spark(past), "share": past.share}
    if len(_kept) >= MOST:
        _kept.clear()
    whole = known.whole if known else at + WHOLE
    _kept[row.pk] = Kept(row.run.state, row.changed_at, at + FRESH, whole, read, shown)
    return shown
