"""What is not to be learnt of a server as its usual: times of alerts, and what was planned and silenced."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q

from alerts.models import Alert, Silence
from alerts.services.silences import times
from core import selector
from core.clock import from_milliseconds
from servers.models import Server

log = logging.getLogger(__name__)

OF_ITSELF = ("anomaly", "forecast")  # judged by what was learnt: people answer for its episodes
LONGEST = 6 * 3_600_000  # who is in trouble for longer lives like that
Span = tuple[int, int]


def unlearnt(server: int, start: int, end: int) -> list[Span]:
    """Spans in milliseconds that touch this time."""
    return [*_alerts(server, start, end), *_planned(server, start, end)]


def _alerts(server: int, start: int, end: int) -> Iterator[Span]:
    rows = Alert.objects.filter(server=server, since__lte=end, since__gte=start - LONGEST).exclude(state="pending")
    rows = rows.filter(Q(resolved_at=None) | Q(resolved_at__gte=from_milliseconds(start)))
    for since, good, over in rows.exclude(rule__kind__in=OF_ITSELF).values_list("since", "good_since", "resolved_at"):
        last = end if over is None else good or _ms(over)
        yield since, min(last, since + LONGEST)


def _planned(server: int, start: int, end: int) -> Iterator[Span]:
    """Silences over whole servers; one of a single rule says nothing of the rest."""
    row = Server.objects.filter(pk=server).first()
    if row is None:
        return
    first, last = from_milliseconds(start), from_milliseconds(end)
    found = Silence.objects.filter(rule=None, team=row.team_id, starts_at__lte=last)
    for silence in found.exclude(ends_at__lte=first).exclude(ended_at__lte=first):
        try:
            if not selector.parse(silence.selector).matches(row.words()):
                continue
            windows = times(silence).windows(first, min(last, silence.ended_at or last))
        except ValueError:
            log.exception("The silence %s cannot be read", silence.uuid)
            continue
        for begins, ends in windows:
            yield _ms(begins), _ms(min(ends, silence.ended_at or ends))


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
