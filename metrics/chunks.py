"""Reading what is kept of one server, and of one series over all: journal, chunks and rollups as one.

What moves, moves from the journal to raw parts, from there to merged chunks and rollups: read in that order,
nothing is missed on its way, and what is met twice is the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from django.db.models import Max, Min, Q, QuerySet
from numpy.typing import NDArray

from core.prepared import Prepared, Row
from metrics import blob, bymetric, codec, damaged, recent, rollups, tiers
from metrics.bymetric import FleetBuckets
from metrics.codec import Part
from metrics.layouts import layouts
from metrics.models import Chunk, JournalRow
from metrics.rollups import Rolled
from metrics.tiers import COARSE, DAY, FINE, HOUR, RAW, STEP

Times = NDArray[np.int64]
Array = NDArray[np.float64]


__all__ = ["Buckets", "FleetBuckets", "fleet", "raw", "rolled", "samples"]


@dataclass(slots=True)
class Buckets:
    """One series in buckets; only those in which something was measured."""

    t: Times
    low: Array
    high: Array
    mean: Array
    count: Array


def raw(server: int, series: Collection[int], start: int, end: int) -> dict[int, tuple[Times, Array]]:
    """Stored samples from start to end (both included); a time that came twice has what was stored last."""
    found = samples(server, series, start, end)
    known = ~np.isnan(found.values)
    counts = known.sum(axis=0).tolist()
    listed = {}
    for place, (one, count) in enumerate(zip(found.keys.tolist(), counts, strict=True)):
        if count == len(found.times):  # most are: they share their times
            listed[one] = found.times, np.ascontiguousarray(found.values[:, place])
        elif count:
            listed[one] = found.times[known[:, place]], found.values[known[:, place], place]
    return listed


def samples(server: int, series: Collection[int], start: int, end: int) -> Part:
    """All of that in one matrix, in order of time."""
    unsealed = _journal(server, series, start, end)
    return rollups.overlay([*_sealed(server, series, start, end), *unsealed])


def rolled(server: int, series: Collection[int], start: int, end: int, tier: int) -> dict[int, Buckets]:
    """Buckets of 300 or 3600 seconds that touch the range, made from the samples where there are none yet."""
    start -= start % (tier * 1000)
    hot = _hot(server, series, start, end)
    found = _coarse(server, series, start, end, hot) if tier == COARSE else _fine(server, series, start, end, hot)
    return {one: buckets for one, buckets in _by_series(rollups.between(found, start, end + 1)) if len(buckets.t)}


def fleet(series: int, start: int, end: int, tier: int = FINE, upto: int | None = None) -> FleetBuckets:
    """Stored buckets of a series over all servers: what is still unsealed is not in it (see metrics.recent)."""
    return bymetric.read(series, start, end, tier, upto)


# What is asked for each chart: Django's writing of it would cost more than all the rest.


def _here(server: int, tier: int, spans: Any) -> QuerySet[Chunk]:
    """The spans are named one by one, as the key begins with them."""
    return Chunk.objects.filter(tier=tier, server=server, span__in=spans)


def _behind(server: int, start: int, end: int) -> QuerySet[JournalRow]:
    """In no order: asked for one, SQLite goes through the whole table in that order."""
    return JournalRow.objects.filter(server=server, end__gte=start, start__lte=end)


def _named(ids: Any, upto: int) -> Q:
    return Q(pk__in=ids) | Q(pk__gt=upto)


_ROW = ("pk", "layout_id", "rows")
_OF_LAYOUT = {"first": Min("start"), "last": Max("end")}

_in_hours = Prepared(
    lambda server, spans, start, end: (
        _here(server, RAW, spans).filter(end__gte=start, start__lte=end).values_list("part", "data")
    )
)
_not_merged = Prepared(
    lambda server, spans: _here(server, RAW, spans).filter(merged=False).values_list("span").distinct()
)
_not_whole = Prepared(
    lambda server, spans: _here(server, FINE, spans).filter(part__gt=0).values_list("span").distinct()
)
_in_tier = {
    FINE: Prepared(lambda server, spans: _here(server, FINE, spans).values_list("span", "part", "data")),
    COARSE: Prepared(lambda server, spans: _here(server, COARSE, spans).values_list("span", "part", "data")),
}
_rows_named = Prepared(
    lambda server, start, end, ids, upto: _behind(server, start, end).filter(_named(ids, upto)).values_list(*_ROW)
)
_rows_all = Prepared(lambda server, start, end: _behind(server, start, end).values_list(*_ROW))
_layouts_named = Prepared(
    lambda server, start, end, ids, upto: (
        _behind(server, start, end).filter(_named(ids, upto)).values_list("layout_id").annotate(**_OF_LAYOUT)
    )
)
_layouts_all = Prepared(
    lambda server, start, end: _behind(server, start, end).values_list("layout_id").annotate(**_OF_LAYOUT)
)


def _spans(tier: int, start: int, end: int) -> Iterator[list[int]]:
    return tiers.stored(Chunk.objects.all(), start, end, tier)


def _journal(server: int, series: Collection[int], start: int, end: int) -> list[Part]:
    """Rows that are not sealed, in the order they were stored; runs of one layout together."""
    wanted = np.fromiter(series, np.int64)
    parts: list[Part] = []
    for layout_id, run in groupby(_rows(server, start, end), key=lambda row: row[1]):
        layout = layouts.by(layout_id)
        columns = np.flatnonzero(np.isin(layout.series, wanted))
        if len(columns):
            times, values = blob.joined([data for _, _, data in run], len(layout.columns))
            parts += rollups.single_keys(_inside(Part(times, layout.series[columns], values[:, columns]), start, end))
    return parts


def _inside(part: Part, start: int, end: int) -> Part:
    """Of rows in any order."""
    inside = (part.times >= start) & (part.times <= end)
    return part if inside.all() else Part(part.times[inside], part.keys, part.values[inside])


def unsealed_layouts(server: int, start: int, end: int) -> list[Row]:
    """The layouts of rows that are not sealed, each with its first and last time; one may come more than once."""
    return _unsealed(_layouts_named, _layouts_all, server, start, end)


def _rows(server: int, start: int, end: int) -> list[Row]:
    """Number, layout and data, in the order they were stored."""
    return sorted(_unsealed(_rows_named, _rows_all, server, start, end), key=lambda row: row[0])


def _unsealed(named: Prepared, every: Prepared, server: int, start: int, end: int) -> list[Row]:
    """By the ids this process holds in memory; where it holds none the short journal is looked through."""
    known = recent.unsealed(server)
    if known is None:
        return every(server, start, end)
    held, upto = known
    found = []
    while len(held) > tiers.ASKED_AT_ONCE:
        found += named(server, start, end, held[: tiers.ASKED_AT_ONCE], recent.NEVER)
        held = held[tiers.ASKED_AT_ONCE :]
    return found + named(server, start, end, held, upto)


def _sealed(server: int, series: Collection[int], start: int, end: int) -> list[Part]:
    chunks = [row for spans in _spans(RAW, start, end) for row in _in_hours(server, spans, start, end)]
    chunks.sort(key=lambda chunk: chunk[0])
    blobs = [data for _, data in chunks]
    if len(series) != 1:
        return [_cut(damaged.samples(data, series), start, end) for data in blobs]
    (one,) = series
    found = []
    for waits, some in groupby(blobs, codec.is_plain):
        if waits:
            found.append(_inside(damaged.series(some, one), start, end))
        else:
            found += [_cut(damaged.samples(data, series), start, end) for data in some]
    return found


def _cut(part: Part, start: int, end: int) -> Part:
    first, last = np.searchsorted(part.times, [start, end + 1])
    if first == 0 and last == len(part.times):
        return part
    return Part(part.times[first:last], part.keys, part.values[first:last])


def _hot(server: int, series: Collection[int], start: int, end: int) -> Rolled:
    """Buckets of the hours that are not merged as they stand now, from all their samples."""
    asked = tiers.spans(start, end, HOUR)
    fresh = _journal(server, series, asked[0], asked[-1] + HOUR - 1)
    hours = {hour for part in fresh for hour in np.unique(part.times - part.times % HOUR).tolist()}
    for spans in _spans(RAW, start, end):
        hours.update(span for (span,) in _not_merged(server, spans))
    parts = []
    for first, last in _runs(sorted(hour for hour in hours if hour in asked)):
        until = last + HOUR - 1
        here = [_inside(part, first, until) for part in fresh]
        parts.append(rollups.reduce(rollups.overlay([*_sealed(server, series, first, until), *here]), STEP))
    return rollups.join(parts)


def _runs(hours: list[int]) -> Iterator[tuple[int, int]]:
    """Neighbouring hours as first and last."""
    begin = 0
    for place, hour in enumerate(hours):
        if place + 1 == len(hours) or hours[place + 1] != hour + HOUR:
            yield hours[begin], hour
            begin = place + 1


def _fine(server: int, series: Collection[int], start: int, end: int, hot: Rolled) -> Rolled:
    return rollups.join([*_tier(server, series, FINE, start, end), hot])


def _coarse(server: int, series: Collection[int], start: int, end: int, hot: Rolled) -> Rolled:
    """Finished days stand in the months; the others are made from their five minutes."""
    days = set((hot.t - hot.t % DAY).tolist())
    for spans in _spans(FINE, start, end):
        days.update(span for (span,) in _not_whole(server, spans))
    fine = [part for day in sorted(days) for part in _tier(server, series, FINE, day, day + DAY - 1)]
    opened = rollups.coarser(rollups.join([*fine, hot]), HOUR)
    return rollups.join([*_tier(server, series, COARSE, start, end), opened])


def _tier(server: int, series: Collection[int], tier: int, start: int, end: int) -> list[Rolled]:
    chunks = [row for spans in _spans(tier, start, end) for row in _in_tier[tier](server, spans)]
    chunks.sort(key=lambda chunk: chunk[:2])
    return [damaged.buckets(data, series) for _, _, data in chunks]


def _by_series(found: Rolled) -> Iterator[tuple[int, Buckets]]:
    for place, one in enumerate(found.series.tolist()):
        known = found.count[:, place] > 0
        kinds = (kind[known, place] for kind in (found.low, found.high, found.mean, found.count))
        yield one, Buckets(found.t[known], *kinds)
