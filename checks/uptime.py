"""The share of time a check was up, with the time of which nothing is known counted apart. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
REACH = 2.5
"""A sample speaks for the time until the next one, for so many intervals at most: beyond that nothing is known."""
LEAST_STEP = 10_000


@dataclass(frozen=True, slots=True)
class Share:
    """Seconds of each sort; they add up to the whole of what was asked."""

    up: float
    down: float
    unknown: float

    @property
    def percent(self) -> float | None:
        """Of the time that is known; None where nothing is."""
        known = self.up + self.down
        return 100.0 * self.up / known if known > 0 else None


def share(times: Ints, values: Floats, start: int, end: int, step: int) -> Share:
    """From samples of check_up (milliseconds; 1 up, 0 down; NaN says nothing) taken every `step` milliseconds."""
    lengths, parts = _spans(times, values, start, end, step)
    up = float(np.dot(lengths, parts)) / 1000
    known = float(lengths.sum()) / 1000
    return Share(up, known - up, max(0.0, (end - start) / 1000 - known))


def pieces(times: Ints, values: Floats, start: int, end: int, count: int, step: int) -> list[Share]:
    """The same for `count` equal pieces of the time."""
    edges = np.linspace(start, end, count + 1).astype(np.int64)
    return [share(*_around(times, values, a, b, step), a, b, step) for a, b in pairwise(edges.tolist())]


def of_buckets(times: Ints, means: Floats, counts: Floats, start: int, end: int, steps: tuple[int, int]) -> Share:
    """From buckets of check_up: `steps` are a bucket's length and the time between two samples, in milliseconds."""
    length, step = steps
    wanted = (times + length > start) & (times < end) & ~np.isnan(means)
    begins, ends = np.maximum(times[wanted], start), np.minimum(times[wanted] + length, end)
    covered = np.minimum(1.0, counts[wanted] * max(step, LEAST_STEP) * 1.1 / length)
    known = (ends - begins) * covered
    up = float(np.dot(known, means[wanted])) / 1000
    whole = float(known.sum()) / 1000
    return Share(up, whole - up, max(0.0, (end - start) / 1000 - whole))


def _around(times: Ints, values: Floats, start: int, end: int, step: int) -> tuple[Ints, Floats]:
    first = np.searchsorted(times, start - REACH * max(step, LEAST_STEP))
    last = np.searchsorted(times, end)
    return times[first:last], values[first:last]


def _spans(times: Ints, values: Floats, start: int, end: int, step: int) -> tuple[Floats, Floats]:
    told = ~np.isnan(values)
    times, values = times[told], values[told]
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    reach = int(REACH * max(step, LEAST_STEP))
    until = np.minimum(np.append(times[1:], end), times + reach) if len(times) else times
    begins, ends = np.maximum(times, start), np.minimum(until, end)
    lengths = np.maximum(0, ends - begins).astype(np.float64)
    return lengths, np.clip(values, 0.0, 1.0)
