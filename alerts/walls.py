"""Local times of day as moments: a clock change moves the moment, not what the wall shows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


def moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """When a wall clock there shows this. What a change skips comes as much later; of two, the first (RFC 5545)."""
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


def span(day: date, start: time, end: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From one time of day to the other, of the next day where it is not later: 22:00-06:00, or 08:00-08:00."""
    return moment(day, start, zone), moment(day if end > start else day + DAY, end, zone)


def covering(
    at: datetime, start: time, end: time, days: frozenset[int], zone: ZoneInfo
) -> tuple[datetime, datetime] | None:
    """The span around a moment that began on one of these weekdays; no days: on any."""
    today = at.astimezone(zone).date()
    for day in (today, today - DAY):
        if days and day.weekday() not in days:
            continue
        first, last = span(day, start, end, zone)
        if first <= at < last:
            return first, last
    return None
