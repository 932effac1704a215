"""The band behind a chart: what the server's model holds for usual at each time of a range."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from metrics.store import parse
from ml.services import usual
from servers.models import Server

Shown = dict[str, Any]
CHARTED = (
    "cpu_used_percent", "memory_used_percent", "load1", "disk_used_percent", "net_received_bytes_per_second",
    "disk_read_bytes_per_second",
)  # fmt: skip
POINTS, FINEST = 150, 300_000
MOST = 50


def bands(server: Server, metrics: Collection[str], start: int, end: int) -> Shown:
    """`{"t", "series": [{"metric", "labels", "low", "high"}]}`; no series where nothing is learnt of these."""
    step = max(FINEST, (end - start) // POINTS)
    times = np.arange(start, end + step, step, dtype=np.int64)
    wanted = frozenset(metrics)
    found = usual.bands(server.pk, lambda column: column.partition("{")[0] in wanted, times)
    listed = []
    for column, (low, high) in list(found.items())[:MOST]:
        metric, labels = parse(column)
        listed.append({"metric": metric, "labels": dict(labels), "low": low, "high": high})
    return {"t": (times / 1000).tolist() if listed else [], "series": listed}
