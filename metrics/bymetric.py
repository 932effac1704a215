"""Buckets of one series over all servers: what seals leave of an hour, and what is made anew from the servers'."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from django.db.models import Q
from numpy.typing import NDArray

from metrics import damaged, pieces, rollups, tiers
from metrics.models import FleetChunk
from metrics.rollups import Rolled
from metrics.tiers import COARSE, FINE, HOUR, RAW, SO_FAR

Times = NDArray[np.int64]
Array = NDArray[np.float64]


@dataclass(slots=True)
class FleetBuckets:
    """Times by servers; NaN and 0 where nothing was measured."""

    t: Times
    servers: Times
    low: Array
    high: Array
    mean: Array
    count: Array


def read(series: int, start: int, end: int, tier: int, upto: int | None = None) -> FleetBuckets:
    """Where a bucket is known by several, the one of more samples counts: a seal's pieces may lag behind.

    `upto` is a place in the journal: who has the rows behind it in memory wants no piece of a later seal.
    """
    start -= start % (tier * 1000)
    # From where things move to where they go, so that nothing is missed on its way.
    hours = _pieces(series, start - start % HOUR, end, upto)
    if tier == COARSE:
        today = _whole(Q(series=series, part=SO_FAR), FINE, start, end)
        hours = rollups.coarser(rollups.join([*today, hours]), HOUR)
    found = rollups.join([*_whole(Q(series=series), tier, start, end), hours])
    found = rollups.between(found, start, end + 1)
    return FleetBuckets(found.t, found.series, found.low, found.high, found.mean, found.count)


def _whole(which: Q, tier: int, start: int, end: int) -> list[Rolled]:
    """Days or months; a day that is just over stands there twice for a moment."""
    by_part: dict[int, list[tuple[int, Rolled]]] = defaultdict(list)
    for span, part, data in _stored(which, tier, start, end):
        by_part[part].append((span, damaged.buckets(data)))
    return [_side_by_side(found) for found in by_part.values()]


def _pieces(series: int, start: int, end: int, upto: int | None) -> Rolled:
    made: list[tuple[int, Rolled]] = []
    sealed: list[Rolled] = []
    own = Q(series=series)
    bundles = Q(series=pieces.BUNDLE) | Q(series__lte=-series)
    found = [(span, part, damaged.piece(data, span)) for span, part, data in _stored(own, RAW, start, end)]
    found += [
        (span, part, damaged.of_bundle(data, span, series)) for span, part, data in _stored(bundles, RAW, start, end)
    ]
    for span, part, rolled in found:
        if part:
            if upto is None or part <= upto:
                sealed.append(rolled)
        else:
            made.append((span, rolled))
    return rollups.join([_side_by_side(made), rollups.add(sealed)])


def _side_by_side(parts: Iterable[tuple[int, Rolled]]) -> Rolled:
    """Blocks of a span share no server, spans no time: mostly nothing need be sought cell by cell."""
    by_span: dict[int, list[Rolled]] = defaultdict(list)
    for span, rolled in parts:
        by_span[span].append(rolled)
    return rollups.after([rollups.beside(by_span[span]) for span in sorted(by_span)])


def _stored(which: Q, tier: int, start: int, end: int) -> Iterator[tuple[int, int, bytes | memoryview]]:
    kept = FleetChunk.objects.filter(which, tier=tier).order_by("span", "block")
    for spans in tiers.stored(FleetChunk.objects.all(), start, end, tier):
        yield from kept.filter(span__in=spans).values_list("span", "part", "data")
