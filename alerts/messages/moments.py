"""Times as a person reads them: their zone, the order of their language, the zone's name where it matters."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from django.utils.dateformat import format as write
from django.utils.translation import pgettext


def zone(name: str) -> tzinfo:
    """UTC where the name is none: a message must not fail by it."""
    try:
        return ZoneInfo(name) if name else UTC
    except (KeyError, OSError, ValueError):
        return UTC


def moment(at: datetime, where: tzinfo) -> str:
    """`21 Nov 2026 09:11 CET`."""
    local = at.astimezone(where)
    return f"{write(local, pgettext('date and time', 'j M Y H:i'))} {_short(local)}"


def clock(at: datetime, where: tzinfo) -> str:
    """`09:11`, where the day is clear."""
    return write(at.astimezone(where), pgettext("time of day", "H:i"))


def _short(local: datetime) -> str:
    name = local.tzname() or "UTC"
    return f"UTC{name}" if name[:1] in {"+", "-"} else name
