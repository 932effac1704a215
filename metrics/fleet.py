"""One series over all servers: what is stored in buckets, and beside it what was not sealed yet."""

from __future__ import annotations

from collections.abc import Collection, Hashable

import numpy as np

from metrics import bymetric, chunks, recent, rollups
from metrics.chunks import FleetBuckets
from metrics.recent import Fleet, Recent
from metrics.rollups import Rolled
from metrics.tiers import COARSE, FINE, HOUR, STEP


def minutes(series: int, start: int, end: int) -> Rolled:
    """Buckets of five minutes; what arrived a second ago is in them."""
    return _both(series, start - start % STEP, end, FINE)


def hours(series: int, start: int, end: int) -> Rolled:
    return _both(series, start - start % HOUR, end, COARSE)


def settled(series: Collection[int], start: int, end: int) -> dict[int, Hashable]:
    """Marks of the hours of which nothing stands in the journal alone: the rows they are made of."""
    held = recent.hours(series, start, end)
    if held is None:
        return {}
    hot, place = held
    marks = bymetric.marks(series, start, end, place)
    return {hour: mark for hour, mark in marks.items() if hour not in hot}


def _both(series: int, start: int, end: int, tier: int) -> Rolled:
    """Memory has what stands behind its place in the journal, the tables what was sealed up to it."""
    held = _unsealed(series, start, end)
    stored = _rolled(chunks.fleet(series, start, end, tier, held.place))
    hot = rollups.between(_rolled(held), start, end + 1)
    if tier == COARSE:
        hot = rollups.coarser(hot, HOUR)
    if not len(hot.t) or not len(hot.series):
        return stored
    begin = int(hot.t[0])  # what is older is taken as it is: to add the same cell by cell costs time
    tail = rollups.add([rollups.between(stored, begin, end + 1), hot])
    return rollups.after([rollups.between(stored, start, begin), tail])


def _unsealed(series: int, start: int, end: int) -> Fleet:
    """From memory where this process follows the journal, else from the short journal itself."""
    held = recent.buckets(series, start, end)
    if held is None:
        once = Recent()
        once.fill()
        held = once.buckets(series, start, end)
    return held or NOTHING


def _rolled(found: FleetBuckets | Fleet) -> Rolled:
    return Rolled(found.t, found.servers, found.low, found.high, found.mean, found.count.astype(np.float64))


_NONE, _EMPTY = np.array([], np.int64), np.empty((0, 0))
# Nothing was sealed for so long that the journal is too long to be read for a question.
NOTHING = Fleet(_NONE, _NONE, _EMPTY, _EMPTY, _EMPTY, _EMPTY.astype(np.int64), 1 << 62)
