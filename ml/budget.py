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


def thresholds(maxima: Floats, per_week: float, floor: float = FLOOR) -> Floats:
    """The same of many servers at once: a row each, in rising order with what is not known last."""
    known = (~np.isnan(maxima)).sum(axis=1)
    share = min(max(CANDIDATES * per_week / HOURS_OF_A_WEEK, 0.0), 1.0)
    place = np.maximum(known - 1, 0) * (1 - share)
    under = np.floor(place).astype(np.intp)
    over = np.minimum(under + 1, np.maximum(known - 1, 0))
    low, high = (np.take_along_axis(maxima, each[:, None], 1)[:, 0] for each in (under, over))
    found: Floats = np.where(known < 24, floor, np.maximum(floor, low + (high - low) * (place - under)))
    return found
