"""What changed on a server in the hour before: its change ledger, and what it said happened."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Any

from django.utils.translation import gettext as _

from alerts.channels.message import Line
from alerts.messages.moments import clock
from alerts.messages.plain import line
from checks import services as checks
from servers.models import Change, Event

BEFORE = timedelta(hours=1)
MOST = 8


def changes(server: int, since: datetime, at: datetime, zone: tzinfo) -> list[Line]:
    """The newest first: when and what, from an hour before the trouble to its message."""
    told = {"server": server, "at__gte": since - BEFORE, "at__lte": at}
    rows: list[tuple[datetime, str]] = [
        *((row.at, _changed(row)) for row in Change.objects.filter(**told).order_by("-at")[:MOST]),
        *(
            (row.at, line(checks.spoken(row.text), 160))
            for row in Event.objects.filter(**told).order_by("-at")[:MOST]
        ),
    ]
    rows.sort(key=lambda row: row[0], reverse=True)
    return [Line(clock(when, zone), text) for when, text in rows[:MOST]]


def _changed(row: Change) -> str:
    said = {"what": line(f"{row.section} {row.key}", 80), "before": _value(row.before), "after": _value(row.after)}
    if row.before is None:
        return _("%(what)s is new: %(after)s") % said
    if row.after is None:
        return _("%(what)s is gone (was %(before)s)") % said
    return _("%(what)s: %(before)s → %(after)s") % said


def _value(value: Any) -> str:
    return line(value, 60)
