"""The alert budget: the threshold is what the past would have crossed as often as somebody wants to hear of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

PER_WEEK = 7.0  # alerts wanted per server and week, unless somebody moves the slider
FLOOR = 2.0  # a mean tail of one in a hundred: what is less odd than this is never told
# Of five candidate hours four become an alert of their own: the others lie side by side or under the floor.
CANDIDATES = 1.25
DAYS = 14  # how far the memory of the threshold reaches
FRESH_DAYS = 5  # with which each night compares scores
HOURS_OF_A_WEEK = 168


def threshold(hourly_maxima: Floats, per_week: float = PER_WEEK, floor: float = FLOOR) -> float:
    """From the past alone, anomalies included; the floor while less than a day is known, or all of it was calm."""
    known = np.asarray(hourly_maxima, float)
    known = known[np.isfinite(known)]
    if len(known) < 24:
        return floor
    share = min(max(CANDIDATES * per_week / HOURS_OF_A_WEEK, 0.0), 1.0)
    return max(floor, float(np.quantile(known, 1 - share)))
