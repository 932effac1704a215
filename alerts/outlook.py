"""How long until a limit is met, by a straight line through the last hours: a look, not a forecast."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metrics.base import RAW, Named
from metrics.store import query

HOURS = 6
LEAST = 10  # samples
LONGEST = 30 * 86_400.0  # what is further away is not said

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def left(times: Ints, values: Floats, limit: float) -> float | None:
    """Seconds from the last sample until a growing line meets the limit; none where it does not grow."""
    known = ~np.isnan(values)
    times, values = times[known], values[known]
    if len(times) < LEAST or times[-1] - times[0] < 60_000:
        return None
    seconds = (times - times[-1]) / 1000
    spread = seconds - seconds.mean()
    slope = float((spread * (values - values.mean())).sum() / (spread**2).sum())
    if slope <= 0:
        return None
    now = float(values.mean() - slope * seconds.mean())
    found = max(0.0, (limit - max(now, float(values[-1]))) / slope)
    return found if found <= LONGEST else None


def until_full(server: int, series: int, metric: str, labels: dict[str, str], at: int) -> float | None:
    """Seconds until this disk, or this share of anything, is at 100 %."""
    name = (metric, tuple(sorted(labels.items())))
    found = query.store.range(server, [Named(name, series)], at - HOURS * 3_600_000, at, RAW)
    return next((left(line.t, line.mean, 100.0) for line in found.values()), None)
