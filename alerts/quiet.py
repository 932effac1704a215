"""Quiet hours: when a person is told at the earliest. No Django, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from alerts import walls

MOST = 9  # quiet spans that follow each other at once: more than a week of them is no rest but a switched-off phone


@dataclass(frozen=True, slots=True)
class Hours:
    """From one time of day to another, on the weekdays on which it begins; empty days: every day."""

    start: time | None = None
    end: time | None = None
    days: frozenset[int] = frozenset()
    zone: str = "UTC"
    critical_breaks: bool = True


def earliest(hours: Hours, at: datetime, severity: str) -> datetime:
    """The moment itself, or the end of the quiet time around it. Quiet that never ends holds nothing back."""
    if hours.start is None or hours.end is None or (severity == "critical" and hours.critical_breaks):
        return at
    zone = ZoneInfo(hours.zone)
    moment = at
    for _ in range(MOST):
        around = walls.covering(moment, hours.start, hours.end, hours.days, zone)
        if around is None:
            return moment
        moment = around[1]
    return at


def never_ends(hours: Hours) -> bool:
    """All of every day: what is held back would never be told."""
    every_day = not hours.days or len(hours.days) == 7
    return hours.start is not None and hours.start == hours.end and every_day
