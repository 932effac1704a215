"""The share of time a check was up, with the time of which nothing is known counted apart. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
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


@dataclass(frozen=True, slots=True)
class Known:
    """Pieces of time of which something is known, in order and none in another, in milliseconds."""

    begins: Ints
    ends: Ints
    up: Bools

    def share(self, start: int, end: int) -> Share:
        lengths = np.maximum(0, np.minimum(self.ends, end) - np.maximum(self.begins, start))
        up, known = int(lengths[self.up].sum()), int(lengths.sum())
        return Share(up / 1000, (known - up) / 1000, (end - start - known) / 1000)

    def shares(self, start: int, end: int, count: int) -> list[Share]:
        """The same of `count` equal pieces."""
        edges = np.linspace(start, end, count + 1).astype(np.int64).tolist()
        return [self.share(a, b) for a, b in pairwise(edges)]

    def bad(self, start: int, end: int) -> list[tuple[int, int]]:
        begins, ends = np.maximum(self.begins, start)[~self.up], np.minimum(self.ends, end)[~self.up]
        return [(a, b) for a, b in zip(begins.tolist(), ends.tolist(), strict=True) if a < b]

    def before(self, at: int) -> Known:
        mine = self.begins < at
        return Known(self.begins[mine], np.minimum(self.ends[mine], at), self.up[mine])

    def since(self, at: int) -> Known:
        mine = self.ends > at
        return Known(np.maximum(self.begins[mine], at), self.ends[mine], self.up[mine])

    def then(self, later: Known) -> Known:
        """Both, the second after the first, in as few pieces as there can be."""
        begins, ends = np.append(self.begins, later.begins), np.append(self.ends, later.ends)
        up = np.append(self.up, later.up)
        if not len(begins):
            return self
        new = np.append(True, (begins[1:] != ends[:-1]) | (up[1:] != up[:-1]))
        first = np.flatnonzero(new)
        return Known(begins[first], ends[np.append(first[1:], len(begins)) - 1], up[first])

    def unknown(self, start: int, end: int) -> list[tuple[int, int]]:
        """What lies between the pieces."""
        begins, ends = np.append(self.begins, end).clip(start, end), np.append(start, self.ends).clip(start, end)
        return [(a, b) for a, b in zip(ends.tolist(), begins.tolist(), strict=True) if a < b]


def nothing() -> Known:
    none = np.array([], np.int64)
    return Known(none, none, np.array([], np.bool_))


def known(times: Ints, values: Floats, end: int, step: int) -> Known:
    """From samples of check_up (milliseconds; 1 up, 0 down; NaN says nothing) taken every `step` milliseconds."""
    told = ~np.isnan(values)
    times, values = times[told], values[told]
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    reach = int(REACH * max(step, LEAST_STEP))
    until = np.minimum(np.append(times[1:], max(end, int(times[-1]))), times + reach) if len(times) else times
    return Known(times, until, values >= 0.5)


def of_buckets(times: Ints, means: Floats, counts: Floats, steps: tuple[int, int]) -> Known:
    """From buckets of check_up: `steps` are a bucket's length and the time between two samples, in milliseconds.

    Of a bucket is known how much of it, not when: what is unknown is laid at its beginning, what failed at its end.
    """
    length, step = steps
    told = ~np.isnan(means)
    times, means, counts = times[told], means[told], counts[told]
    covered = np.minimum(1.0, counts * max(step, LEAST_STEP) * 1.1 / length)
    whole = np.rint(covered * length).astype(np.int64)
    failed = np.rint(covered * length * (1.0 - np.clip(means, 0.0, 1.0))).astype(np.int64)
    ends = times + length
    begins = np.column_stack([ends - whole, ends - failed]).ravel()
    until = np.column_stack([ends - failed, ends]).ravel()
    return Known(begins, until, np.tile(np.array([True, False]), len(times)))
