"""What stands around the charts of one server in a time: limits of rules, alerts, marks, and what was learned."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db.models import Q

from accounts.models import User
from alerts.models import Alert
from alerts.services import watching
from dashboards.server import ledger, usual
from metrics.store import query
from servers.models import Server

Shown = dict[str, Any]
MOST_SPANS = 300
POINTS = 600
SCORE = "anomaly_score"
UNUSUAL = 1.0


def around(user: User, server: Server, start: int, end: int) -> Shown:
    told = query.told(server.pk, start, end)
    return {
        "limits": watching.limits(server, told),
        "alerts": spans(user, server, start, end),
        "marks": ledger.marks(user, server, start, end),
        "usual": usual.bands(server, usual.CHARTED, start, end),
        "unusual": _unusual(server, start, end) if any(metric == SCORE for metric, _labels in told) else [],
    }


def spans(user: User, server: Server, start: int, end: int) -> list[Shown]:
    """From the first bad sample to the end of each alert on it; what was never more than pending is none."""
    mine = Alert.objects.visible_to(user).filter(server=server, since__lte=end).exclude(state="pending")
    mine = mine.filter(Q(resolved_at=None) | Q(resolved_at__gte=datetime.fromtimestamp(start / 1000, UTC)))
    rows = mine.select_related("rule", "series", "incident").order_by("-since", "-pk")[:MOST_SPANS]
    return [_span(row) for row in rows]


def _span(row: Alert) -> Shown:
    return {
        "metric": row.rule.metric or row.series.metric,
        "labels": row.labels,
        "rule": row.rule.name,
        "severity": row.severity,
        "start": row.since / 1000,
        "end": row.resolved_at.timestamp() if row.resolved_at else None,
        "url": f"/incidents/{row.incident.uuid}/" if row.incident else "",
    }


def _unusual(server: Server, start: int, end: int) -> list[list[float]]:
    """The times in which its score reached the limit."""
    found = query.series(server.pk, [SCORE], query.Range(start, end, POINTS, "max"))
    spans: list[list[float]] = []
    for one in found["series"][:1]:
        for at, score in zip(found["t"], one["v"], strict=True):
            if not score >= UNUSUAL:  # NaN is not
                continue
            if spans and at - spans[-1][1] <= 2 * found["step"]:
                spans[-1][1] = at
            else:
                spans.append([at, at + found["step"]])
    return spans
