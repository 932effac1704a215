"""The last day of each check as the list shows it, kept for some minutes: many tabs ask for it again and again."""

from __future__ import annotations

import time
from typing import Any

from checks import services
from checks.models import Check
from dashboards.checks import drawn

DAY = 86_400_000
FRESH = 300.0
"""Seconds: a bar is half an hour wide, a point of the line six minutes."""
BARS, WIDTH = 40, 160
MOST = 2000

Mark = tuple[str, Any]
_kept: dict[int, tuple[Mark, float, dict[str, Any]]] = {}


def of(row: Check, end: int) -> dict[str, Any]:
    """Bars, the line of its responses and its share of time up; read anew as soon as it stands otherwise."""
    mark = row.run.state, row.changed_at
    known = _kept.get(row.pk)
    if known is not None and known[0] == mark and known[1] > time.monotonic():
        return known[2]
    past = services.history(row, end - DAY, end, bars=BARS, parts=False)
    found = {"strips": drawn.strips(past, WIDTH), "spark": drawn.spark(past), "share": past.share}
    if len(_kept) >= MOST:
        _kept.clear()
    _kept[row.pk] = mark, time.monotonic() + FRESH, found
    return found
