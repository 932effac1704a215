"""Will a calm metric cross its critical line within the hour: what is looked at, and the judgement. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HORIZON = 3600.0
CALM = 300.0
MINUTE, DAY = 60.0, 86_400.0
LARGEST = 5.0
NEAR = -0.2
NEVER = 10_080.0  # minutes
DAYS_BACK = 7
MEANS, TOPS, SPREADS, SHARES, HITS = (5, 15, 60, 240, 1440), (15, 60, 240, 1440), (60, 1440), (60, 240, 1440, 4320,
    10_080), (1440, 4320, 10_080)  # fmt: skip
WIDTH = len(MEANS) + len(TOPS) + len(SPREADS) + len(SHARES) + len(HITS) + 15


@dataclass(frozen=True, slots=True)
class Case:
    """What is known at every row: features (row, metric, feature), calm ones, and whether it was crossed after."""

    features: NDArray[np.float32]
    calm: NDArray[np.bool_]
    crosses: NDArray[np.bool_]


def scaled(values: Floats, critical: Floats, usual: Floats) -> Floats:
    """0 at the critical line, -1 where it usually is."""
    return np.asarray(np.clip((values - critical) / (critical - usual + 1e-9), -LARGEST, LARGEST))


def cases(scaled_values: Floats, step: float, rows: slice = slice(None)) -> Case:
    """Of one server's metrics side by side, oldest first, the step in seconds; the past alone is looked at."""
    past = _Past(scaled_values, step)
    ahead = max(int(HORIZON / step), 1)
    crosses = np.zeros(scaled_values.shape, np.bool_)
    if len(past.total) > ahead + 1:
        crosses[: len(crosses) - ahead] = past.total[ahead + 1 :] > past.total[1:-ahead]
    calm = past.within(max(int(CALM / step), 1)) == 0
    features = np.stack([one[rows] for one in past.features(ahead)], axis=2).astype(np.float32)
    return Case(features, calm[rows], crosses[rows])


class _Past:
    """Sums, tops and crossings over trailing windows."""

    def __init__(self, values: Floats, step: float) -> None:
        self.v, self.step = values, step
        self.over = (values > 0).astype(np.float64)
        zero = np.zeros((1, values.shape[1]))
        self.total = np.vstack([zero, np.cumsum(self.over, axis=0)])

    def rows(self, minutes: float) -> int:
        return max(int(minutes * MINUTE / self.step), 1)

    def mean(self, values: Floats, minutes: float) -> Floats:
        total = np.vstack([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
        end = np.arange(1, len(values) + 1)
        start = np.maximum(end - self.rows(minutes), 0)
        return np.asarray((total[end] - total[start]) / (end - start)[:, None])

    def within(self, rows: int) -> Floats:
        end = np.arange(1, len(self.v) + 1)
        return np.asarray(self.total[end] - self.total[np.maximum(end - rows, 0)])

    def features(self, ahead: int) -> list[Floats]:
        v, count = self.v, self.v.shape[1]
        mean = {minutes: self.mean(v, minutes) for minutes in MEANS}
        square = {minutes: self.mean(v * v, minutes) for minutes in SPREADS}
        spread = {minutes: np.sqrt(np.maximum(square[minutes] - mean[minutes] ** 2, 0)) for minutes in SPREADS}
        hit = (self.within(ahead) > 0).astype(np.float64)
        most = _top(v, ahead)
        day = self.rows(1440)
        habits = sum((_before(hit, back * day - ahead, 0.0) for back in range(1, DAYS_BACK + 1)), np.zeros_like(hit))
        days = np.clip(np.arange(len(v)) // day, 1, DAYS_BACK)[:, None]
        return [
            v, *mean.values(), v - mean[15], mean[15] - mean[60], mean[60] - mean[240],
            *(_top(v, self.rows(minutes)) for minutes in TOPS), *spread.values(),
            *(self.mean(self.over, minutes) for minutes in SHARES), self._age(),
            *(self.mean(hit, minutes) for minutes in HITS),
            _before(most, day - ahead, -1.0), _before(most, 2 * day - ahead, -1.0), habits / days,
            *(np.repeat(one[:, None], count, axis=1) for one in (
                v.max(axis=1), (v > NEAR).mean(axis=1), mean[15].max(axis=1), hit.mean(axis=1))),
            (v - mean[1440]) / (spread[1440] + 0.02), -v / (spread[60] + 0.02), -v / (spread[1440] + 0.02),
        ]  # fmt: skip

    def _age(self) -> Floats:
        """How long ago it was over the line, as a logarithm of minutes."""
        here = np.arange(len(self.v))[:, None]
        last = np.maximum.accumulate(np.where(self.over > 0, here, -(10**6)), axis=0)
        return np.asarray(np.log1p(np.minimum((here - last) * self.step / MINUTE, NEVER)))


def _top(values: Floats, rows: int) -> Floats:
    """The largest of so many rows, by doubling."""
    found, have = values.copy(), 1
    while have < rows:
        shift = min(have, rows - have)
        found[shift:] = np.maximum(found[shift:], found[:-shift])
        have += shift
    return found


def _before(values: Floats, rows: int, fill: float) -> Floats:
    found = np.full_like(values, fill)
    if 0 < rows < len(values):
        found[rows:] = values[:-rows]
    return found
