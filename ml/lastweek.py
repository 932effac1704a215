"""What the slider would have meant last week: how many alarms each setting would have given, from the hours kept."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from core.clock import milliseconds
from ml import hours
from ml.budget import DAYS, threshold
from ml.models import Watch

WEEK_DAYS = 7


@dataclass(frozen=True)
class Meant:
    """One setting: alarms of all servers together, and how many servers would have had any."""

    per_week: float
    alarms: int
    servers: int


def would_have(servers: Collection[int], settings: Sequence[float]) -> tuple[list[Meant], int]:
    """For each setting; and how many servers have hours that can be looked at. Hours side by side are one alarm."""
    at = milliseconds()
    alarms, touched = np.zeros(len(settings), np.int64), np.zeros(len(settings), np.int64)
    known = 0
    rows = Watch.objects.filter(server__in=list(servers)).exclude(version=None).exclude(full_at=None)
    for blob in rows.values_list("maxima", flat=True).iterator():
        kept = hours.unpack(blob)
        week = {hour: most for hour, most in kept.items() if hour > at // hours.HOUR - 24 * WEEK_DAYS}
        if not week:
            continue
        known += 1
        past = hours.before(kept, at, DAYS)
        counts = np.array([_runs(week, threshold(past, wanted)) for wanted in settings])
        alarms += counts
        touched += counts > 0
    found = zip(settings, alarms.tolist(), touched.tolist(), strict=True)
    return [Meant(*one) for one in found], known


def _runs(week: dict[int, float], limit: float) -> int:
    over = sorted(hour for hour, most in week.items() if most >= limit)
    return sum(1 for place, hour in enumerate(over) if not place or hour > over[place - 1] + 1)
