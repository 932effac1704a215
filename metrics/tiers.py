"""Tiers and their spans, and buckets as blobs: of one server, and of one series over many."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from django.db.models import QuerySet

from metrics import codec, plain
from metrics.codec import Part
from metrics.rollups import COUNT, HIGH, KINDS, LOW, MEAN, Ints, Rolled

SECOND = 1000
HOUR = 3_600_000
DAY = 24 * HOUR
MONTH = 30 * DAY
STEP = 300 * SECOND
SLOTS = HOUR // STEP

RAW, FINE, COARSE = 0, 300, 3600  # seconds of a bucket; 0 is samples, and by metric the pieces of an hour
SPANS = {RAW: HOUR, FINE: DAY, COARSE: MONTH}
WHOLE, SO_FAR = 0, 1  # parts of a day: when it is over, and before that what there is of it but the last hours
FLEET_FRAME = 64
ASKED_AT_ONCE = 500


def spans(start: int, end: int, width: int) -> range:
    """The starts of the hours, days or months that hold this range, both ends included."""
    return range(start - start % width, end + 1, width)


def stored(kept: QuerySet[Any], start: int, end: int, tier: int) -> Iterator[list[int]]:
    """The spans that may hold this range, some at a time; of a long range only where there is something."""
    asked = spans(start, end, SPANS[tier])
    if len(asked) > ASKED_AT_ONCE:
        there = kept.filter(tier=tier).order_by("span").values_list("span", flat=True)
        first, last = there.first(), there.last()
        if first is None or last is None:
            return
        asked = spans(max(start, first), min(end, last), SPANS[tier])
    for place in range(0, len(asked), ASKED_AT_ONCE):
        yield list(asked[place : place + ASKED_AT_ONCE])


def read(data: bytes | memoryview, keys: Collection[int] | None = None) -> Part:
    """A blob with its columns in the order of their keys, so that alike blobs can be put together at once."""
    part = codec.read(data, keys)
    order = np.argsort(part.keys)
    return Part(part.times, part.keys[order], part.values[:, order])


def pack(rolled: Rolled) -> bytes:
    """Of one server: the kinds of a series side by side, for who asks for one series."""
    kinds = np.stack(_in_order(rolled), axis=2).reshape(len(rolled.t), -1)
    return codec.encode(rolled.t, _keys(rolled.series).ravel(), kinds)


def pack_hour(rolled: Rolled) -> bytes:
    """The same of few rows, for some hours: plainly it is smaller, and opened in a third of the time."""
    known = rolled.count.any(axis=0)
    series = rolled.series[known]
    kinds = np.stack([kind[:, known] for kind in _in_order(rolled)], axis=2).reshape(len(rolled.t), -1)
    return plain.encode_many(rolled.t[None], _keys(series).ravel(), np.ascontiguousarray(kinds.T)[None]).blobs[0]


def pack_fleet(rolled: Rolled) -> bytes:
    """Of one series over many servers, who are mostly read all at once."""
    kinds = np.concatenate(_in_order(rolled), axis=1)
    return codec.encode(rolled.t, _keys(rolled.series).T.ravel(), kinds, frame=FLEET_FRAME)


def unpack(data: bytes | memoryview, series: Collection[int] | None = None) -> Rolled:
    """Both of the above; `series` are servers in the second."""
    keys = None if series is None else [one * KINDS + kind for one in series for kind in range(KINDS)]
    part = read(data, keys)
    kinds = [part.values[:, part.keys % KINDS == kind] for kind in range(KINDS)]
    columns = part.keys[part.keys % KINDS == MEAN] // KINDS
    return Rolled(part.times, columns, kinds[LOW], kinds[HIGH], kinds[MEAN], kinds[COUNT])


def _in_order(rolled: Rolled) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    kinds = {MEAN: rolled.mean, LOW: rolled.low, HIGH: rolled.high, COUNT: rolled.count}
    return [kinds[kind] for kind in range(KINDS)]


def _keys(series: Ints) -> Ints:
    return series[:, None] * KINDS + np.arange(KINDS)


def by_span(samples: Part, width: int) -> Iterator[tuple[int, Part]]:
    """Samples in order of time, cut at the borders of hours or days."""
    starts = samples.times - samples.times % width
    edges = [*np.flatnonzero(np.diff(starts, prepend=-1)).tolist(), len(starts)]
    for begin, end in pairwise(edges):
        yield int(starts[begin]), Part(samples.times[begin:end], samples.keys, samples.values[begin:end])
