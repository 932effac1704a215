"""Samples put over each other and counted into buckets. Pure: no database, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.codec import Part

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MEAN, LOW, HIGH, COUNT = range(4)
KINDS = 4
MOST_DECIMALS = 6
FIELDS = ("low", "high", "mean", "count")  # as they stand in Rolled
MORE_DECIMALS = 2  # at most so many has a mean more than what it is the mean of
STEPS = 500  # into which a mean cuts the whole range at least: finer than any chart shows


@dataclass(slots=True)
class Rolled:
    """Buckets of several series: t[n], series[m], the others n by m; NaN and 0 where nothing was measured."""

    t: Ints
    series: Ints
    low: Floats
    high: Floats
    mean: Floats
    count: Floats


def overlay(parts: Sequence[Part]) -> Part:
    """In order of time; where a time came twice, the value that was stored last (parts stand in that order)."""
    parts = [part for part in parts if len(part.times) and len(part.keys)]
    if not parts:
        return Part(np.array([], np.int64), np.array([], np.int64), np.empty((0, 0)))
    if all(part.keys is parts[0].keys or np.array_equal(part.keys, parts[0].keys) for part in parts[1:]):
        times = np.concatenate([part.times for part in parts])
        values = np.concatenate([part.values for part in parts])
        if np.all(np.diff(times) > 0):
            return Part(times, parts[0].keys, values)
        return _by_time(parts[0].keys, [(times, values)])
    keys = np.unique(np.concatenate([part.keys for part in parts]))
    return _by_time(keys, [(part.times, _spread(part, keys)) for part in parts])


def _spread(part: Part, keys: Ints) -> Floats:
    whole = np.full((len(part.times), len(keys)), np.nan)
    whole[:, np.searchsorted(keys, part.keys)] = part.values
    return whole


def _by_time(keys: Ints, blocks: Iterable[tuple[Ints, Floats]]) -> Part:
    blocks = list(blocks)
    stored = np.concatenate([times for times, _ in blocks])
    values = np.concatenate([block for _, block in blocks])
    times, place = np.unique(stored, return_inverse=True)
    order = np.argsort(place, kind="stable")  # same time: as they were stored
    whole = np.full((len(times), values.shape[1]), np.nan)
    turn = _turns(place[order])
    for number in range(int(turn.max()) + 1):
        rows = order[turn == number]
        fresh = values[rows]
        whole[place[rows]] = np.where(np.isnan(fresh), whole[place[rows]], fresh)
    return Part(times, keys, whole)


def _turns(sorted_places: Ints) -> Ints:
    """0 for the first of equal neighbours, 1 for the second, and so on."""
    starts = np.flatnonzero(np.diff(sorted_places, prepend=-1))
    return np.arange(len(sorted_places)) - np.repeat(starts, np.diff(np.append(starts, len(sorted_places))))


def single_keys(part: Part) -> list[Part]:
    """A series that stands in two columns of one layout becomes two parts, the later column over the earlier."""
    if len(np.unique(part.keys)) == len(part.keys):
        return [part]
    again = np.ones(len(part.keys), np.bool_)
    again[np.unique(part.keys, return_index=True)[1]] = False
    first = Part(part.times, part.keys[~again], part.values[:, ~again])
    return [first, *single_keys(Part(part.times, part.keys[again], part.values[:, again]))]


def reduce(samples: Part, step: int) -> Rolled:
    """Buckets of `step` milliseconds; the samples stand in order of time."""
    starts = samples.times - samples.times % step
    edges = np.flatnonzero(np.diff(starts, prepend=-1))
    if not len(edges):
        return _nothing(samples.keys)
    return reduced(samples.keys, starts[edges], samples.values, edges, decimals(samples.values))


def reduced(series: Ints, starts: Ints, values: Floats, edges: Ints, digits: Ints) -> Rolled:
    """A bucket of the rows from each edge to the next."""
    known = ~np.isnan(values)
    if known.all():
        low, high = np.minimum.reduceat(values, edges, axis=0), np.maximum.reduceat(values, edges, axis=0)
        rows = np.diff(edges, append=len(values)).astype(np.float64)
        count, total = np.repeat(rows[:, None], values.shape[1], axis=1), np.add.reduceat(values, edges, axis=0)
    else:
        count = np.add.reduceat(known, edges, axis=0, dtype=np.float64)
        low, high = np.fmin.reduceat(values, edges, axis=0), np.fmax.reduceat(values, edges, axis=0)
        total = np.add.reduceat(np.where(known, values, 0.0), edges, axis=0)
    return Rolled(starts, series, low, high, _bounded(_divided(total, count), low, high, digits), count)


def rows(rolled: Rolled, some: slice) -> Rolled:
    kinds = (rolled.low, rolled.high, rolled.mean, rolled.count)
    return Rolled(rolled.t[some], rolled.series, *(kind[some] for kind in kinds))


def coarser(rolled: Rolled, step: int) -> Rolled:
    """Buckets of buckets."""
    starts = rolled.t - rolled.t % step
    edges = np.flatnonzero(np.diff(starts, prepend=-1))
    if not len(edges):
        return _nothing(rolled.series)
    count = np.add.reduceat(rolled.count, edges, axis=0)
    low, high = np.fmin.reduceat(rolled.low, edges, axis=0), np.fmax.reduceat(rolled.high, edges, axis=0)
    total = np.add.reduceat(np.where(rolled.count > 0, rolled.mean * rolled.count, 0.0), edges, axis=0)
    digits = decimals(np.concatenate([rolled.low, rolled.high]))
    return Rolled(starts[edges], rolled.series, low, high, _bounded(_divided(total, count), low, high, digits), count)


def _nothing(series: Ints) -> Rolled:
    empty = np.empty((0, len(series)))
    return Rolled(np.array([], np.int64), series, empty, empty, empty, empty)


def _divided(total: Floats, count: Floats) -> Floats:
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _bounded(mean: Floats, low: Floats, high: Floats, digits: Ints) -> Floats:
    """Rounded so that it packs like what it is the mean of; never beyond the least and the greatest."""
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        width = np.fmax.reduce(high, axis=0) - np.fmin.reduce(low, axis=0)
        wanted = np.clip(np.nan_to_num(np.ceil(np.log10(STEPS / width))), digits, digits + MORE_DECIMALS)
        scale = 10.0**wanted
        rounded = np.rint(mean * scale) / scale
        mean = np.where((digits < MOST_DECIMALS) & np.isfinite(rounded), rounded, mean)
        # A sum beyond the greatest number is infinite; its mean is not.
        return np.fmin(np.fmax(mean, low), high)


def decimals(values: Floats) -> Ints:
    """Of each column the fewest decimals that hold all its values; MOST_DECIMALS when more would be needed."""
    found = np.full(values.shape[1], MOST_DECIMALS, np.int64)
    left = np.arange(values.shape[1])
    with np.errstate(invalid="ignore", over="ignore"):
        for digits in range(MOST_DECIMALS):
            some = values[:, left]
            scale = 10.0**digits
            fits = np.all((np.rint(some * scale) / scale == some) | np.isnan(some), axis=0)
            found[left[fits]] = digits
            left = left[~fits]
            if not len(left):
                break
    return found


def join(parts: Sequence[Rolled]) -> Rolled:
    """The same buckets from several sources: a bucket of more samples, else of the later source, counts."""
    parts = [part for part in parts if len(part.t) and len(part.series)]
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return _nothing(np.array([], np.int64))
    whole = _grid(parts)
    for part in parts:
        cells = _cells(whole, part)
        held = whole.count[cells]
        better = (part.count >= held) & (part.count > 0) if held.any() else None
        for name in FIELDS:
            kept, fresh = getattr(whole, name), getattr(part, name)
            kept[cells] = fresh if better is None else np.where(better, fresh, kept[cells])
    return whole


def _grid(parts: Sequence[Rolled]) -> Rolled:
    """Room for all of them, with nothing in it."""
    t = np.unique(np.concatenate([part.t for part in parts]))
    series = np.unique(np.concatenate([part.series for part in parts]))
    shape = (len(t), len(series))
    low, high, mean = (np.full(shape, np.nan) for _ in range(3))
    return Rolled(t, series, low, high, mean, np.zeros(shape))


def _cells(whole: Rolled, part: Rolled) -> tuple[Any, ...]:
    """Where a part stands: as slices, where it has no gaps there, which is several times faster."""
    t, series = np.searchsorted(whole.t, part.t), np.searchsorted(whole.series, part.series)
    if t[-1] - t[0] + 1 == len(t) and series[-1] - series[0] + 1 == len(series) and np.all(np.diff(series) == 1):
        return slice(int(t[0]), int(t[-1]) + 1), slice(int(series[0]), int(series[-1]) + 1)
    return np.ix_(t, series)


def beside(parts: Sequence[Rolled]) -> Rolled:
    """Parts that share no series (or no server) side by side."""
    parts = [part for part in parts if len(part.t) and len(part.series)]
    if len(parts) < 2 or any(not np.array_equal(part.t, parts[0].t) for part in parts[1:]):
        return join(parts)
    kinds = (np.concatenate([getattr(part, kind) for part in parts], axis=1) for kind in FIELDS)
    return Rolled(parts[0].t, np.concatenate([part.series for part in parts]), *kinds)


def after(parts: Sequence[Rolled]) -> Rolled:
    """Parts of which each begins where the one before it ended."""
    parts = [part for part in parts if len(part.t) and len(part.series)]
    if len(parts) < 2 or any(not np.array_equal(part.series, parts[0].series) for part in parts[1:]):
        return join(parts)
    kinds = (np.concatenate([getattr(part, kind) for part in parts]) for kind in FIELDS)
    return Rolled(np.concatenate([part.t for part in parts]), parts[0].series, *kinds)


def add(parts: Sequence[Rolled]) -> Rolled:
    """Buckets whose samples differ, as buckets of all of them."""
    parts = [part for part in parts if len(part.t) and len(part.series)]
    if len(parts) < 2:
        return parts[0] if parts else _nothing(np.array([], np.int64))
    whole = _grid(parts)
    low, high, total, count = whole.low, whole.high, np.zeros(whole.count.shape), whole.count
    for part in parts:
        cells = _cells(whole, part)
        sums = np.where(part.count > 0, part.mean * part.count, 0.0)
        if count[cells].any():
            low[cells], high[cells] = np.fmin(low[cells], part.low), np.fmax(high[cells], part.high)
            total[cells] += sums
            count[cells] += part.count
        else:
            low[cells], high[cells], total[cells], count[cells] = part.low, part.high, sums, part.count
    mean = np.fmin(np.fmax(_divided(total, count), low), high)
    return Rolled(whole.t, whole.series, low, high, mean, count)


def between(rolled: Rolled, start: int, end: int) -> Rolled:
    """The buckets that begin in this span."""
    return rows(rolled, slice(int(np.searchsorted(rolled.t, start)), int(np.searchsorted(rolled.t, end))))
