"""When a server was not heard though it was up, by its own samples that came later: its alerts tell that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q

from alerts.models import Alert
from core.clock import from_milliseconds
from reports.engine.spans import Span, Spans, both, joined, length

AT_ONCE = 500


class Unheard(NamedTuple):
    """From the last sample that came in time to the end of its alert; `sure` without the time that an alert waits
    before it ends.
    """

    whole: Span
    sure: Span


def told(servers: Collection[int], start: int, end: int) -> dict[int, list[Unheard]]:
    """What alerts over the silence of these said, by the number of the server."""
    found: dict[int, list[Unheard]] = defaultdict(list)
    rows = Alert.objects.filter(rule__kind="no_data", rule__metric="", since__lt=end).exclude(incident=None)
    rows = rows.filter(Q(resolved_at=None) | Q(resolved_at__gt=from_milliseconds(start)))
    named = sorted(servers)
    for place in range(0, len(named), AT_ONCE):
        some = rows.filter(server__in=named[place : place + AT_ONCE])
        for server, since, over, hold in some.values_list(
            "server_id", "since", "resolved_at", "rule__keep_firing_seconds"
        ):
            until = end if over is None else min(end, _ms(over))
            found[server].append(Unheard((max(start, since), until), (max(start, since), until - 1000 * hold)))
    return found


def up(unheard: list[Unheard], ups: Spans, most: int) -> int:
    """Milliseconds not heard and yet up; less than `most` is how long an alert may stand behind the silence."""
    spans = joined(one.whole for one in unheard if length(both(joined([one.sure]), ups)) > most)
    return length(both(spans, ups))


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
