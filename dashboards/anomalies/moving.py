"""Which of many servers' series moved: one metric of all of them at once, from buckets. Numbers in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashboards.server.moving import FEWEST, LEAST, SMALL

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
SHARES = (0.1, 0.5, 0.9)
SURE = 1.5  # of so many series chance gives too many at the usual 1.36; what became restless has 1.55 at most
SHORT = 6  # buckets: of fewer no distribution can be told
FAR = 2.0  # usual widths that the edges of so few must stand outside


@dataclass(frozen=True, slots=True)
class Judged:
    """A column each: 0 for what did not move. `before` and `during` are the middles, or the edges of the restless."""

    score: Floats
    kind: NDArray[np.object_]
    before: Floats
    during: Floats


def judge(mean: Floats, low: Floats, high: Floats, inside: Bools) -> Judged:
    """The same verdict as of one series, for the columns side by side; NaN is "not measured"."""
    was, now = ~inside, inside
    n_was, n_now = (~np.isnan(mean[was])).sum(0), (~np.isnan(mean[now])).sum(0)
    short = inside.sum() < SHORT
    least = max(1, int(inside.sum()) // 2) if short else FEWEST
    before, during = _edges(mean[was], mean[was], n_was), _edges(mean[now], mean[now], n_now)
    if short:
        # A short time in wide buckets: its lowest and highest sample tell more than its mean.
        before, during = _edges(low[was], high[was], n_was), _short(mean[now], low[now], high[now])
    step = np.max(np.abs(during - before), axis=0)
    size = np.maximum(np.abs(before[1]), np.abs(during[1]))
    usual = (before[2] - before[0]) / 2 + SMALL * size + 1e-12
    share = step / (step + usual)
    if not short:
        distance = _distance(mean, inside, n_was, n_now)
        known = distance * np.sqrt(n_was * n_now / np.maximum(n_was + n_now, 1)) >= SURE
        share = share * distance
    else:
        known = step > FAR * usual
    score = np.where(known & (share >= LEAST) & (step >= SMALL * size), share, 0.0)
    score[(n_was < FEWEST) | (n_now < least)] = 0.0
    return _named(score, before, during, usual, n_was, n_now, least)


def _named(  # noqa: PLR0913, PLR0917 - columns of one table
    score: Floats, before: Floats, during: Floats, usual: Floats, n_was: Floats, n_now: Floats, least: int
) -> Judged:
    kind: NDArray[np.object_] = np.where(during[1] > before[1], "up", "down").astype(object)
    stayed = np.abs(during[1] - before[1]) < usual / 4
    kind[stayed] = np.where(during[2] - during[0] > before[2] - before[0], "restless", "calm")[stayed]
    first, second = np.where(stayed, before[2], before[1]), np.where(stayed, during[2], during[1])
    stopped, began = (n_was >= FEWEST) & (n_now == 0), (n_was == 0) & (n_now >= least)
    kind[stopped], kind[began] = "stopped", "began"
    score = np.where(stopped | began, 0.5, score)
    return Judged(score, kind, first, second)


def _edges(low: Floats, high: Floats, count: Floats) -> Floats:
    """The lower edge, the middle and the upper edge of each column."""
    low = np.sort(low, axis=0)  # NaN goes to the end
    high = low if high is low else np.sort(high, axis=0)
    return np.stack([
        _quantile(low, count, SHARES[0]),
        (_quantile(low, count, SHARES[1]) + _quantile(high, count, SHARES[1])) / 2,
        _quantile(high, count, SHARES[2]),
    ])  # fmt: skip


def _short(mean: Floats, low: Floats, high: Floats) -> Floats:
    lowest, highest = np.fmin.reduce(low, axis=0), np.fmax.reduce(high, axis=0)
    known = ~np.isnan(mean)
    middle = np.where(known, mean, 0).sum(0) / np.maximum(known.sum(0), 1)
    return np.stack([lowest, np.where(known.any(0), middle, np.nan), highest])


def _quantile(ordered: Floats, count: Floats, share: float) -> Floats:
    if not len(ordered):
        return np.full(ordered.shape[1], np.nan)
    place = share * np.maximum(count - 1, 0)
    under = np.floor(place).astype(np.int64)
    over = np.minimum(under + 1, np.maximum(count - 1, 0).astype(np.int64))
    first = np.take_along_axis(ordered, under[None], 0)[0]
    second = np.take_along_axis(ordered, over[None], 0)[0]
    return np.asarray(first + (second - first) * (place - under))


def _distance(mean: Floats, inside: Bools, n_was: Floats, n_now: Floats) -> Floats:
    """The two-sample Kolmogorov-Smirnov distance of each column; what is equal counts once."""
    order = np.argsort(mean, axis=0)
    ordered = np.take_along_axis(mean, order, 0)
    now = inside[order] & ~np.isnan(ordered)
    was = ~inside[order] & ~np.isnan(ordered)
    apart = np.abs(np.cumsum(now, axis=0) / np.maximum(n_now, 1) - np.cumsum(was, axis=0) / np.maximum(n_was, 1))
    apart[:-1][ordered[:-1] == ordered[1:]] = 0
    return np.asarray(apart.max(axis=0))
