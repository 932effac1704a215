"""Places whose clock we know: the names people give, and what they mean."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

UTC = ZoneInfo("UTC")


def find(name: str) -> ZoneInfo | None:
    """The zone of that name; none where there is no such place."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """What people choose from: places, UTC first."""
    return ("UTC", *sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/")))
