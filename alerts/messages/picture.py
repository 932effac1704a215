"""The chart of an alert: its series over the last hour, with labels as the reader writes them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, tzinfo

import numpy as np

from alerts.messages.chart import Chart, bounds, draw
from alerts.messages.moments import clock
from alerts.models import Alert
from metrics.store import quantity, query

HOUR = 3_600_000
POINTS = 240
OWN_SCALE = {"threshold", "anomaly"}  # kinds whose limit is a value of the series itself


def last_hour(alert: Alert, limit: float | None, at: int, zone: tzinfo) -> bytes:
    """Empty where nothing was stored; the limit is drawn where it is one of the series itself."""
    metric, labels = alert.series.metric, alert.labels
    asked = query.Range(at - HOUR, at, POINTS)
    answer = query.series(alert.server_id, [metric], asked)
    values: list[float] = next((one["v"] for one in answer["series"] if one["labels"] == labels), [])
    known = np.array([value for value in values if not np.isnan(value)])
    if len(known) < 2:
        return b""
    plain = alert.rule.kind in OWN_SCALE and not alert.rule.params.get("per")
    limit = limit if plain and limit is not None and math.isfinite(limit) else None
    share = metric.endswith("_percent")
    low, high = bounds(known, limit, share=share)
    return draw(Chart(
        answer["t"], values, (at - HOUR) / 1000, at / 1000, limit,
        since=alert.since / 1000,
        until=alert.resolved_at.timestamp() if alert.resolved_at else None,
        share=share,
        low=quantity(metric, low), high=quantity(metric, high),
        at_limit="" if limit is None else quantity(metric, limit),
        began=_clock(at - HOUR, zone), ended=_clock(at, zone),
    ))  # fmt: skip


def _clock(at: int, zone: tzinfo) -> str:
    return clock(datetime.fromtimestamp(at / 1000, UTC), zone)
