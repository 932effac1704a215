"""Buckets of one series over all servers: what seals leave of an hour, and what is made anew from the servers'."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from django.db.models import Q, QuerySet
from numpy.typing import NDArray

from core.prepared import Prepared, Row
from metrics import damaged, pieces, rollups, tiers
from metrics.models import FleetChunk
from metrics.ready import OF_ENTRY, ready
from metrics.rollups import Rolled
from metrics.tiers import COARSE, DAY, FINE, HOUR, RAW, SO_FAR

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


class Stored(NamedTuple):
    """A row as it is read."""

    pk: int
    series: int
    block: int
    span: int
    part: int
    data: bytes | memoryview


def _here(tier: int, spans: Any) -> QuerySet[FleetChunk]:
    return FleetChunk.objects.filter(tier=tier, span__in=spans)


def _opened(rows: QuerySet[FleetChunk]) -> QuerySet[FleetChunk, Row]:
    return rows.order_by("span", "block", "pk").values_list(*Stored._fields)


def _bundled(upper: int) -> Q:
    return Q(series=pieces.BUNDLE) | Q(series__lte=upper)


_of_series = {
    RAW: Prepared(lambda spans, series: _opened(_here(RAW, spans).filter(series=series))),
    FINE: Prepared(lambda spans, series: _opened(_here(FINE, spans).filter(series=series))),
    COARSE: Prepared(lambda spans, series: _opened(_here(COARSE, spans).filter(series=series))),
}
_so_far = Prepared(lambda spans, series: _opened(_here(FINE, spans).filter(series=series, part=SO_FAR)))
_bundles = Prepared(lambda spans, upper: _opened(_here(RAW, spans).filter(_bundled(upper))))
_hours_listed = Prepared(
    lambda spans, series, upper: (
        _here(RAW, spans).filter(Q(series__in=series) | _bundled(upper)).values_list("pk", "span", "part")
    )
)
_days_listed = Prepared(lambda spans, series: _here(FINE, spans).filter(series__in=series).values_list("pk", "span"))


def read(series: int, start: int, end: int, tier: int, upto: int | None = None) -> FleetBuckets:
    """Where a bucket is known by several, the one of more samples counts: a seal's pieces may lag behind.

    `upto` is a place in the journal: who has the rows behind it in memory wants no piece of a later seal.
    """
    start -= start % (tier * 1000)
    # From where things move to where they go, so that nothing is missed on its way.
    hours = _pieces(series, start - start % HOUR, end, upto)
    if tier == COARSE:
        today = _whole(_stored(_so_far, FINE, start, end, series), start, end)
        hours = rollups.coarser(rollups.join([*today, hours]), HOUR)
    found = rollups.join([*_whole(_stored(_of_series[tier], tier, start, end, series), start, end), hours])
    found = rollups.between(found, start, end + 1)
    return FleetBuckets(found.t, found.series, found.low, found.high, found.mean, found.count)


def marks(series: Collection[int], start: int, end: int, upto: int) -> dict[int, Hashable]:
    """What each hour is made of, by the numbers of its rows; without hours that a seal is still at work on."""
    upper = -min(series, default=0)
    of_hours: dict[int, list[int]] = defaultdict(list)
    newer = set()
    for pk, span, part in _each(_hours_listed, RAW, start, end, series, upper):
        of_hours[span].append(pk)
        if part > upto:
            newer.add(span)
    of_days: dict[int, list[int]] = defaultdict(list)
    for pk, span in _each(_days_listed, FINE, start, end, series):
        of_days[span].append(pk)
    hours = (hour for hour in tiers.spans(start, end, HOUR) if hour not in newer)
    return {hour: (tuple(sorted(of_hours[hour])), tuple(sorted(of_days[hour - hour % DAY]))) for hour in hours}


def _each(question: Prepared, tier: int, start: int, end: int, *asked: Any) -> Iterator[Row]:
    for spans in tiers.stored(FleetChunk.objects.all(), start, end, tier):
        yield from question(spans, *asked)


def _whole(rows: Iterable[Stored], start: int, end: int) -> list[Rolled]:
    """Days or months; a day that is just over stands there twice for a moment."""
    by_part: dict[int, list[tuple[int, Rolled]]] = defaultdict(list)
    for row in rows:
        first, last = ready.get(("times", row.pk), 0) or (start, end)
        if first > end or last < start:
            continue  # a day so far ends hours ago: who asks for the last one need not open it
        rolled = damaged.buckets(row.data)
        if len(rolled.t):
            ready.put(("times", row.pk), 0, (int(rolled.t[0]), int(rolled.t[-1])), OF_ENTRY)
        by_part[row.part].append((row.span, rolled))
    return [_side_by_side(found) for found in by_part.values()]


def _pieces(series: int, start: int, end: int, upto: int | None) -> Rolled:
    """Hour after hour; those of which no row has changed since they were last asked for are ready."""
    by_hour: dict[int, list[Stored]] = defaultdict(list)
    own = set()
    for row in _stored(_of_series[RAW], RAW, start, end, series):
        own.add((row.span, row.block, row.part))
        by_hour[row.span].append(row)
    for row in _stored(_bundles, RAW, start, end, -series):
        # A series is in a bundle or a row of its own, not in both.
        if (row.span, row.block, row.part) not in own:
            by_hour[row.span].append(row)
    return rollups.after([_hour(series, by_hour[span], upto) for span in sorted(by_hour)])


def _hour(series: int, rows: list[Stored], upto: int | None) -> Rolled:
    rows = [row for row in rows if upto is None or row.part <= upto]
    key, mark = ("hour", series, rows[0].span if rows else 0), tuple(row.pk for row in rows)
    found: Rolled | None = ready.get(key, mark)
    if found is None:
        made = [_piece(series, row) for row in rows if not row.part]
        sealed = [_piece(series, row) for row in rows if row.part]
        found = rollups.join([rollups.beside(made), rollups.add(sealed)])
        ready.put(key, mark, found, 4 * found.count.nbytes + OF_ENTRY)
    return found


def _piece(series: int, row: Stored) -> Rolled:
    if row.series == series:
        return damaged.piece(row.data, row.span)
    return damaged.of_bundle(row.data, row.span, series)


def _side_by_side(parts: Iterable[tuple[int, Rolled]]) -> Rolled:
    """Blocks of a span share no server, spans no time: mostly nothing need be sought cell by cell."""
    by_span: dict[int, list[Rolled]] = defaultdict(list)
    for span, rolled in parts:
        by_span[span].append(rolled)
    return rollups.after([rollups.beside(by_span[span]) for span in sorted(by_span)])


def _stored(question: Prepared, tier: int, start: int, end: int, *asked: Any) -> Iterator[Stored]:
    return map(Stored._make, _each(question, tier, start, end, *asked))
