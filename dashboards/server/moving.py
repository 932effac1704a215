"""Which series moved: how a time differs from the one before it, each series by itself. Numbers in, a ranking out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Kind = Literal["up", "down", "restless", "calm", "began", "stopped"]

FEWEST = 4  # measured points on either side, or nothing can be said
SURE = 1.36  # the Kolmogorov-Smirnov distance that chance gives once in twenty times
SMALL = 0.05  # of what is usual: a smaller step is nobody's cause
LEAST = 0.15
EDGES = (10.0, 50.0, 90.0)


@dataclass(frozen=True, slots=True)
class Moved:
    """One series that is not as it was; `score` from 0 to 1, `place` is where it stood in the list given."""

    place: int
    score: float
    kind: Kind
    before: float | None
    during: float | None


def rank(series: Iterable[Floats], inside: NDArray[np.bool_]) -> list[Moved]:
    """The series that moved, most first. NaN is "not measured"; `inside` marks the points of the time in question."""
    found = [one for place, values in enumerate(series) if (one := _judge(place, values, inside))]
    return sorted(found, key=lambda one: (-one.score, one.place))


def _judge(place: int, values: Floats, inside: NDArray[np.bool_]) -> Moved | None:
    known = ~np.isnan(values)
    before, during = values[known & ~inside], values[known & inside]
    if len(before) >= FEWEST and not len(during) and inside.sum() >= FEWEST:
        return Moved(place, 0.5, "stopped", float(np.median(before)), None)
    if len(during) >= FEWEST and not len(before):
        return Moved(place, 0.5, "began", None, float(np.median(during)))
    if min(len(before), len(during)) < FEWEST:
        return None
    return _compare(place, before, during)


def _compare(place: int, before: Floats, during: Floats) -> Moved | None:
    """How far apart the two are by rank (one peak is no move), times how big the step is beside what is usual."""
    distance = _distance(before, during)
    weight = np.sqrt(len(before) * len(during) / (len(before) + len(during)))
    if distance * weight < SURE:
        return None
    low, middle, high = np.percentile(before, EDGES)
    now_low, now_middle, now_high = np.percentile(during, EDGES)
    step = max(abs(now_middle - middle), abs(now_high - high), abs(now_low - low))
    usual = (high - low) / 2 + SMALL * max(abs(middle), abs(now_middle)) + 1e-12
    score = float(distance * step / (step + usual))
    if score < LEAST or step < SMALL * max(abs(middle), abs(now_middle)):
        return None
    moved = now_middle - middle
    kind: Kind = "up" if moved > 0 else "down"
    if abs(moved) < usual / 4:  # its middle stayed: its edges tell
        kind = "restless" if now_high - now_low > high - low else "calm"
        return Moved(place, score, kind, float(high), float(now_high))
    return Moved(place, score, kind, float(middle), float(now_middle))


def _distance(before: Floats, during: Floats) -> float:
    """The two-sample Kolmogorov-Smirnov distance."""
    before, during = np.sort(before), np.sort(during)
    every = np.concatenate([before, during])
    shares = (np.searchsorted(one, every, side="right") / len(one) for one in (before, during))
    return float(np.abs(next(shares) - next(shares)).max())
