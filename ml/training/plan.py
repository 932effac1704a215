"""When something is to be learnt: soon after enrolment, as its first day grows, then weekly, each in its night."""

from __future__ import annotations

from datetime import datetime, timedelta
from zlib import crc32

from core.clock import from_milliseconds, now

SOON = 15 * 60_000
HOUR, DAY = 3_600_000, 86_400_000
GROWN = (HOUR, 6 * HOUR, DAY)  # a quarter of an hour shows little of what is usual: its model is not kept for a day
NIGHT_BEGINS, NIGHT_HOURS = 1, 4  # UTC
THRESHOLDS_AT = 0.5  # hours after midnight


def first_due(since: int) -> datetime:
    """A quarter of an hour of rows is the least; who has more is learnt at once."""
    return max(now(), from_milliseconds(since + SOON + 20_000))


def grown_due(since: int) -> datetime:
    """When the rows of a server's first day are some times as many, and at last a whole day."""
    at = now()
    moments = [from_milliseconds(since + age + 60_000) for age in GROWN]
    return next((moment for moment in moments if moment > at), at)


def weekly_due(server: int, after: datetime | None = None) -> datetime:
    """In a night about a week from now: which, and when in it, is by the server's number, so that nights share."""
    spread = crc32(b"%d" % server) / 2**32
    night = (after or now()) + timedelta(days=6 + (crc32(b"day %d" % server) % 3))
    begins = night.replace(hour=NIGHT_BEGINS, minute=0, second=0, microsecond=0)
    return begins + timedelta(hours=NIGHT_HOURS * spread)


def thresholds_due(after: datetime | None = None) -> datetime:
    """The next midnight and a bit."""
    begins = (after or now()).replace(hour=0, minute=0, second=0, microsecond=0)
    due = begins + timedelta(hours=THRESHOLDS_AT)
    return due if due > (after or now()) else due + timedelta(days=1)
