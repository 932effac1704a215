"""Planned times of servers: silences of their teams over the whole machine, and when they were paused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from django.db.models import Q

from alerts.models import Silence
from alerts.services import silences
from core import selector
from reports import scope
from reports.engine.availability import Window
from reports.scope import Machine


def of(machines: Sequence[Machine], start: int, end: int) -> dict[str, list[Window]]:
    """By the server's UUID. A silence of a single rule plans nothing, but for a rule over silence itself."""
    found: dict[str, list[Window]] = defaultdict(list)
    first, last = datetime.fromtimestamp(start / 1000, UTC), datetime.fromtimestamp(end / 1000, UTC)
    whole = Q(rule=None) | Q(rule__kind="no_data")
    rows = Silence.objects.filter(whole, team__in={one.team for one in machines}, starts_at__lt=last)
    for silence in rows.exclude(ended_at__lte=first).exclude(ends_at__lte=first).order_by("pk"):
        times = _windows(silence, first, last)
        if not times:
            continue
        for machine in _meant(silence, machines):
            found[machine.uuid] += times
    for uuid, paused in scope.pauses(list(machines), start, end).items():
        found[uuid] += paused
    return found


def _meant(silence: Silence, machines: Sequence[Machine]) -> list[Machine]:
    try:
        meant = selector.parse(silence.selector).matches
    except selector.Unreadable:
        return []
    return [one for one in machines if one.team == silence.team_id and meant(one.words)]


def _windows(silence: Silence, start: datetime, end: datetime) -> list[Window]:
    """Not before it was written down, and not after somebody ended it."""
    try:
        times = silences.times(silence).windows(start, end)
    except ValueError:
        return []
    written = _ms(silence.created_at)
    until = _ms(silence.ended_at) if silence.ended_at else _ms(end)
    found = [Window(max(_ms(a), written), min(_ms(b), until), written) for a, b in times]
    return [one for one in found if one.start < one.end]


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
