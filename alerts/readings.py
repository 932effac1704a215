"""What some kinds of rules compare instead of the value itself: how far it moved, or how far it is from its past.

Each reading remembers one series and gives the same for the same samples, live and over the past. No Django.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

UNKNOWN = float("nan")
STEPS = 120  # kept samples of a window
DAY = 86_400_000
SLOT = 300_000
ENOUGH = 2  # times in the past that were measured, or nothing is usual yet
AGO = {"day": (DAY, 7), "week": (7 * DAY, 4)}

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Reading(Protocol):
    """Told of every sample in the order of time; gives what limits are compared with, NaN while that is unknown."""

    def take(self, at: int, value: float) -> float: ...


def over(reading: Reading, times: Ints, values: Floats) -> Floats:
    """A whole series at once, for a replay."""
    pairs = zip(times.tolist(), values.tolist(), strict=True)
    return np.array([reading.take(at, value) for at, value in pairs], np.float64)


def _time(kept: tuple[int, float]) -> int:
    return kept[0]


class Change:
    """How far a value moved within a window: from the sample a window ago to this one, in units or in per cent."""

    def __init__(self, window: int, *, percent: bool) -> None:
        self.window, self.percent = window, percent
        self.cell = max(1000, window // STEPS)
        self.kept: deque[tuple[int, float]] = deque()

    def take(self, at: int, value: float) -> float:
        if value != value:  # noqa: PLR0124 - the cheapest test for NaN
            return UNKNOWN
        kept = self.kept
        # Cells of a fixed grid, so that it does not matter when somebody began to look.
        if not kept or at // self.cell > kept[-1][0] // self.cell:
            kept.append((at, value))
        # Two windows are kept, as rows that could not be written down are looked at again from the first.
        while kept[0][0] < at - 2 * self.window:
            kept.popleft()
        place = bisect_right(kept, at - self.window, key=_time) - 1
        if place < 0 or kept[place][0] < at - 2 * self.window:
            return UNKNOWN
        return _distance(value, kept[place][1], percent=self.percent)


class Past:
    """How far a value is from what is usual at this time of day: the mean of the same window on days before."""

    def __init__(self, usual: Callable[[int], float], *, percent: bool) -> None:
        self.usual, self.percent = usual, percent

    def take(self, at: int, value: float) -> float:
        return _distance(value, self.usual(at), percent=self.percent)


def _distance(value: float, before: float, *, percent: bool) -> float:
    if not percent:
        return value - before
    return UNKNOWN if before == 0 else 100 * (value - before) / abs(before)


def windows(at: int, against: str, window: int) -> list[tuple[int, int]]:
    """The times that say what is usual at a moment: a window around the same time of day, so many days ago."""
    step, count = AGO[against]
    return [(at - number * step - window // 2, at - number * step + window // 2) for number in range(1, count + 1)]


def usual_of(times: Ints, values: Floats, against: str, window: int) -> Callable[[int], float]:
    """What was usual at any moment of a series that is there as a whole, for a replay."""
    known = ~np.isnan(values)
    times = times[known]
    sums = np.concatenate([[0.0], np.cumsum(values[known])])

    def usual(at: int) -> float:
        edges = np.searchsorted(times, np.array(windows(slot_of(at), against, window)).T)
        counts = edges[1] - edges[0]
        if np.count_nonzero(counts) < ENOUGH:
            return UNKNOWN
        return float((sums[edges[1]] - sums[edges[0]]).sum() / counts.sum())

    return usual


def slot_of(at: int) -> int:
    """The middle of the five minutes in which a moment lies: what is usual is reckoned once for all of them."""
    return at - at % SLOT + SLOT // 2
