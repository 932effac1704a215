"""The one way from raw rows to what detectors see: tidied, gridded, carried, scaled; to learn as to score."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Times = NDArray[np.int64]
Flags = NDArray[np.bool_]

GRID_MS = 10_000  # one row per ten seconds is scored
STEP_MS = 60_000  # one a minute is learned from, never averaged
CARRY = 3  # steps over which a value is taken to last; after that it is missing
WINSOR = 10.0
WIDE = 30.0  # how far out the slow level still follows
LEVEL_MS = 6 * 3_600_000  # the slow level forgets half a working day
NEAR = 3.0  # a stream that begins further from where it was begins where it is
BLOCK = 64
SILENT_MS, TOLD_MS = 300_000, 3_600_000  # a series is silent after five minutes, and news for an hour
ALWAYS = 0.95  # of the rows of learning: a series that was there that often is missed
SOME = 0.25  # when more of them stop at once, it is the layout that changed
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
SINGLE_LAGS = (0, 1, 2, 3, 4, 6, 8, 12)
HUGE = 1e30  # beyond it squares no longer fit


class NotEnough(Exception):
    """There is too little to learn from; the text says so to people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Scale:
    """Where a metric usually is and how far it usually strays, by column."""

    median: Floats
    spread: Floats
    low: Floats
    high: Floats


def rising(times: Times) -> NDArray[np.intp]:
    """Places of the longest run of rows whose times rise: one row from the future does not cost all that follow."""
    if (np.diff(times) > 0).all():
        return np.arange(len(times))
    tails: list[int] = []
    ends: list[int] = []
    before = np.full(len(times), -1)
    for place, time in enumerate(times.tolist()):
        at = bisect_left(tails, time)
        before[place] = ends[at - 1] if at else -1
        if at == len(tails):
            tails.append(time)
            ends.append(place)
        elif time < tails[at]:
            tails[at], ends[at] = time, place
    kept = []
    place = ends[-1] if ends else -1
    while place >= 0:
        kept.append(place)
        place = int(before[place])
    return np.array(kept[::-1], np.intp)


def onward(times: Times) -> NDArray[np.intp]:
    """Places of the rows that are later than all before them, as they are known when they come."""
    if not len(times):
        return np.zeros(0, np.intp)
    latest = np.maximum.accumulate(times)
    return np.flatnonzero(np.r_[True, times[1:] > latest[:-1]])


def finite(values: Floats) -> Floats:
    """Numbers that can be reckoned with; all others are missing."""
    found = np.array(values, np.float64)
    found[~(np.abs(found) < HUGE)] = np.nan
    return found


def counters(columns: tuple[str, ...]) -> Flags:
    """Which columns only ever count up, by their names."""
    return np.array([name.split("{")[0].endswith("_total") for name in columns], bool)


def rates(times: Times, values: Floats, counting: Flags) -> Floats:
    """Counters as what was added per second; one that fell was reset, and says nothing of that step."""
    if not counting.any() or not len(values):
        return values
    found = values.copy()
    seconds = np.diff(times, prepend=times[0])[:, None] / 1000
    added = np.diff(values[:, counting], axis=0, prepend=np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        found[:, counting] = np.where(added >= 0, added / seconds, np.nan)
    return found


def gridded(times: Times, values: Floats, step_ms: int) -> tuple[Times, Floats]:
    """One row for each step from the first to the last: the first that fell into it, missing where none did."""
    slots = times // step_ms
    first = np.flatnonzero(np.diff(slots, prepend=slots[0] - 1)) if len(slots) else np.zeros(0, np.intp)
    slots = slots[first]
    count = int(slots[-1] - slots[0] + 1) if len(slots) else 0
    if count == len(slots):
        return slots * step_ms, values[first]
    found = np.full((count, values.shape[1]), np.nan)
    found[slots - slots[0]] = values[first]
    return (slots[0] + np.arange(count)) * step_ms, found


def carried(values: Floats, limit: int = CARRY) -> Floats:
    """Short gaps filled with what was there last, looking back only."""
    missing = np.isnan(values)
    if not missing.any():
        return values
    rows = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(missing, -1, rows), axis=0)
    fits = missing & (last >= 0) & (rows - last <= limit)
    found: Floats = np.where(fits, np.take_along_axis(values, np.maximum(last, 0), 0), values)
    return found


def silent(missing_for: NDArray[np.int64], always: Flags, tick_ms: int) -> Flags:
    """Rows in which a few series that were always there have stopped lately, while the server goes on."""
    since = missing_for * tick_ms
    lost = (since >= SILENT_MS) & always
    some: Flags = (lost & (since < SILENT_MS + TOLD_MS)).any(-1) & (lost.sum(-1) <= SOME * always.sum(-1))
    return some


def missing_for(values: Floats) -> NDArray[np.int64]:
    """Rows since each column was last there."""
    rows = np.arange(len(values))[:, None]
    found: NDArray[np.int64] = rows - np.maximum.accumulate(np.where(np.isnan(values), -1, rows), axis=0)
    return found


def embedded(values: Floats) -> Floats:
    """A single metric with its own past as further columns, so that there is something to correlate."""
    found = np.full((len(values), len(SINGLE_LAGS)), np.nan)
    for place, lag in enumerate(SINGLE_LAGS):
        found[lag:, place] = values[: max(len(values) - lag, 0), 0]
    return found


def scale(values: Floats, least: Floats | float = 0.0) -> Scale:
    """Robust per column; the floors keep what hardly moves from exploding. A column without a value is never seen.

    `least` is the smallest step of each column that is worth a look.
    """
    empty = np.isnan(values).all(0)
    known = np.where(empty, 0.0, values)
    some = np.isnan(known).any()
    asked = [0.001, 0.25, 0.5, 0.75, 0.999]
    low, q1, median, q3, high = (np.nanquantile if some else np.quantile)(known, asked, axis=0)
    deviation = (np.nanstd if some else np.std)(known, axis=0)
    spread = np.maximum.reduce(
        [(q3 - q1) / 1.349, 0.2 * deviation, 0.02 * (high - low), 1e-3 * np.abs(median) + 1e-6, least + 0 * median]
    )
    return Scale(median, np.where(empty, np.inf, spread), low, high)


def levelled(wide: Floats, level: Floats, pace: float, near: float = NEAR) -> tuple[Floats, Floats]:
    """The slow level before each row, and after the last; what is missing leaves it where it was going.

    One that begins further away than `near` begins where it is.

    The recursion `level += pace * (value - level)`, in blocks, because a step of Python for each row is too dear.
    """
    rows = np.arange(len(wide))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(wide), -1, rows), axis=0)
    first = np.take_along_axis(wide, np.argmax(last >= 0, axis=0)[None], 0)[0] if len(wide) else level
    level = np.where(np.abs(first - level) > near, first, level)  # never true of what is missing
    filled = np.where(last >= 0, np.take_along_axis(wide, np.maximum(last, 0), 0), level)
    keep = 1 - pace
    power = np.arange(BLOCK)
    weights = np.where(power[:, None] >= power, pace * keep ** np.maximum(power[:, None] - power, 0), 0.0)
    before = np.empty_like(filled)
    for begin in range(0, len(filled), BLOCK):
        block = filled[begin : begin + BLOCK]
        count = len(block)
        after = weights[:count, :count] @ block + keep ** (power[:count, None] + 1) * level
        before[begin], before[begin + 1 : begin + count] = level, after[:-1]
        level = after[-1]
    return before, level


def hour_of(times: Times, hours: int | NDArray[np.int64]) -> NDArray[np.int64]:
    """The place in the profile: of 1, 24 or 168 hours (the week begins on Monday)."""
    found: NDArray[np.int64] = (times // HOUR_MS + 72) % hours
    return found
