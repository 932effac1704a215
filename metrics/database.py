"""The store over our own tables: the newest rows in memory, the journal, chunks, and rollups in both orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from concurrent.futures import Future
from functools import lru_cache

import numpy as np

from core.clock import milliseconds
from core.prepared import Prepared
from metrics import chunks, fleet, names, retention
from metrics.base import HOURS, MINUTES, RAW, Best, Floats, Ints, Kept, Key, Line, Named, Newest, TooMuch
from metrics.described import worse_is_high
from metrics.journal import Entry
from metrics.latest import Newest as Row
from metrics.latest import latest
from metrics.layouts import Known, layouts
from metrics.models import EARLIEST, FURTHEST, Series, Uses
from metrics.rollups import Rolled
from metrics.tiers import SPANS

Put = Callable[[Entry], None]
Sum = tuple[float, float]  # a number, and of how many samples it is
WAIT = 30.0
MOST_CELLS = 4_000_000  # servers times buckets that are read at once
LONG = 2 * 86_400_000
FEW_LABEL_SETS, MOST_LABEL_SETS = 50, 300


class DatabaseStore:
    """Reading needs nothing; who appends says where the journal's writer is."""

    def __init__(self, put: Put | None = None) -> None:
        self.put = put

    def append(self, server: int, columns: Sequence[str], times: Ints, values: Floats) -> None:
        if self.put is None:
            raise RuntimeError("This store only reads: it was made without the journal's writer.")
        listed = list(columns)
        layout = layouts.learn(names.layout_hash(listed), listed)
        stored: Future[None] = Future()
        self.put(Entry(server, layout, milliseconds(), times, values, answer=stored))
        stored.result(WAIT)

    def latest(self, servers: Sequence[int], columns: Sequence[str]) -> Newest:
        rows = [latest.get(server) for server in servers]
        received = np.array([row.received if row else 0 for row in rows], np.int64)
        found = np.full((len(rows), len(columns)), np.nan)
        by_layout: dict[int, list[int]] = defaultdict(list)
        for place, row in enumerate(rows):
            if row:
                by_layout[row.layout.id].append(place)
        for places in by_layout.values():
            _fill(found, places, [row for place in places if (row := rows[place])], columns)
        _fill_own(found, servers, columns)
        return Newest(received, found)

    def series(self, server: int, metrics: Collection[str] | None, start: int, end: int) -> list[Named]:
        return sorted(Named(key, one) for one, key in series_of(server, metrics, start, end).items())

    def first(self, tier: int) -> int | None:
        return retention.first(tier)

    def fleet_first(self, tier: int) -> int | None:
        return retention.fleet_first(tier)

    def range(self, server: int, named: Sequence[Named], start: int, end: int, tier: int = RAW) -> dict[Key, Line]:
        series = [one.id for one in named]
        if tier == RAW:
            lines = {one: _samples(*found) for one, found in chunks.raw(server, series, start, end).items()}
        else:
            rolled = chunks.rolled(server, series, start, end, tier)
            lines = {one: Line(b.t, b.low, b.high, b.mean, b.count) for one, b in rolled.items()}
        return {one.key: lines.get(one.id, NOTHING) for one in named}

    def fleet_range(
        self, column: str, start: int, end: int, tier: int, servers: Collection[int]
    ) -> dict[Key, Rolled]:
        read = fleet.hours if tier == HOURS else fleet.minutes
        return {key: read(one, start, end) for one, key in series_named(column, servers).items()}

    def settled(self, column: str, start: int, end: int, servers: Collection[int]) -> dict[int, Hashable]:
        return fleet.settled(list(series_named(column, servers)), start, end)

    def top(self, column: str, start: int, end: int, agg: str, servers: Collection[int]) -> list[Best]:
        high = worse_is_high(column)
        best: dict[int, tuple[float, Key]] = {}
        tier = MINUTES if end - start <= LONG else HOURS
        found: dict[Key, dict[int, Sum]] = defaultdict(dict)
        for begin, until in slices(start, end, tier):
            for key, rolled in self.fleet_range(column, begin, until, tier, servers).items():
                _add_up(found[key], _over_time(rolled, agg, servers), agg)
        for key, sums in found.items():
            for server, (value, _) in sums.items():
                held = best.get(server)
                if held is None or (value > held[0]) == high:
                    best[server] = value, key
        ordered = sorted([(-value if high else value, server) for server, (value, _) in best.items()])
        return [Best(server, best[server][1], best[server][0]) for _, server in ordered]

    def delete_before(self, tier: int, time: int) -> None:
        retention.delete_before(tier, time)

    def kept(self) -> Sequence[Kept]:
        return retention.kept()


NOTHING = Line(np.array([], np.int64), *(np.array([], np.float64) for _ in range(4)))


def _samples(times: Ints, values: Floats) -> Line:
    return Line(times, values, values, values, np.ones(len(values)))


def series_of(server: int, metrics: Collection[str] | None, start: int, end: int) -> dict[int, Key]:
    """The series of these metrics that a server reported then, by what was sealed of it and what is not yet."""
    wanted = None if metrics is None else frozenset(metrics)
    used = layouts_of(server, start, end)
    return {one: key for id_ in used for one, key in _columns(layouts.by(id_), wanted)}


_uses = Prepared(
    lambda server, start, end: Uses.objects.filter(server=server, last__gte=start, first__lte=end).values_list(
        "layout_id", "first", "last"
    )
)


def told(server: int, metrics: Collection[str] | None) -> dict[Key, tuple[int, int]]:
    """Every series of a server that is known, with its first and last time."""
    wanted = None if metrics is None else frozenset(metrics)
    found: dict[Key, tuple[int, int]] = {}
    for layout, (first, last) in layouts_of(server, EARLIEST, FURTHEST).items():
        for _, key in _columns(layouts.by(layout), wanted):
            before = found.get(key, (first, last))
            found[key] = min(before[0], first), max(before[1], last)
    return found


def layouts_of(server: int, start: int, end: int) -> dict[int, tuple[int, int]]:
    """From when to when each layout was used; of what is not sealed yet until now."""
    # The journal first: what is sealed meanwhile goes from there to the other.
    told = chunks.unsealed_layouts(server, start, end)
    found: dict[int, tuple[int, int]] = {}
    for layout, first, last in [*told, *_uses(server, start, end)]:
        before = found.get(layout, (first, last))
        found[layout] = min(before[0], first), max(before[1], last)
    return found


def _columns(layout: Known, metrics: frozenset[str] | None) -> list[tuple[int, Key]]:
    return [
        (int(layout.series[place]), names.parse(column))
        for column, place in layout.place.items()
        if layout.series[place] and (metrics is None or column.partition("{")[0] in metrics)
    ]


_all_of = Prepared(lambda metric: Series.objects.filter(metric=metric).order_by("pk").values_list("pk", "labels"))
_one_of = Prepared(
    lambda metric, labels: Series.objects.filter(metric=metric, labels=labels).values_list("pk", "labels")
)


def series_named(column: str, servers: Collection[int]) -> dict[int, Key]:
    """A bare metric means all its label sets, a column with labels just that one."""
    metric, labels = names.parse(column)
    rows = _one_of(metric, names.write(labels)) if labels else _all_of(metric)
    found = {pk: names.parse(metric + text) for pk, text in rows}
    if len(found) > FEW_LABEL_SETS:  # they may be of anybody: those of these servers' newest rows
        told = {row.layout.id: row.layout for server in servers if (row := latest.get(server))}
        mine = {int(one) for layout in told.values() for one in layout.series}
        found = {pk: key for pk, key in found.items() if pk in mine}
    if len(found) > MOST_LABEL_SETS:
        raise TooMuch(f"{metric} has {len(found)} label sets here: name one, as {column}{{…}}.")
    return found


def _fill(found: Floats, places: list[int], rows: list[Row], columns: Sequence[str]) -> None:
    """The cells of all servers of one layout at once."""
    layout = rows[0].layout
    whole = np.concatenate([row.values for row in rows]).reshape(len(rows), -1)
    for number, column in enumerate(columns):
        there = _places(layout.id, layout.hash, column)
        if len(there) == 1:
            found[places, number] = whole[:, there[0]]
        elif there:
            worst = np.fmax if worse_is_high(column) else np.fmin
            found[places, number] = worst.reduce(whole[:, there], axis=1)


def _fill_own(found: Floats, servers: Sequence[int], columns: Sequence[str]) -> None:
    """What machines do not tell and we found out ourselves."""
    for number in [number for number, column in enumerate(columns) if column in latest.own_columns]:
        for place in np.flatnonzero(np.isnan(found[:, number])).tolist():
            if own := latest.own_value(servers[place], columns[number]):
                found[place, number] = own[1]


@lru_cache(maxsize=4096)
def _places(layout_id: int, hash_: str, column: str) -> list[int]:
    layout = layouts.by(layout_id)
    metric, labels = names.parse(column)
    return [
        place for text, place in layout.place.items()
        if text.partition("{")[0] == metric and (not labels or names.parse(text)[1] == labels)
    ]  # fmt: skip


def slices(start: int, end: int, tier: int, step: int = 1) -> Iterator[tuple[int, int]]:
    """A long range of all servers in pieces that fit in memory, cut where the chunks of a tier are.

    Of whole steps, counted from the start.
    """
    span = SPANS[tier]
    many = max(1, MOST_CELLS // (max(1, len(latest.rows)) * span // (tier * 1000))) * span
    while start <= end:
        cut = start - start % span + many
        cut = max(cut - (cut - start) % step, start + step)
        yield start, min(end, cut - 1)
        start = cut


def _add_up(sums: dict[int, Sum], more: dict[int, Sum], agg: str) -> None:
    """What another piece of the range says of each server."""
    if not sums:
        sums.update(more)
        return
    for server, one in more.items():
        held = sums.get(server)
        sums[server] = one if held is None else _together(held, one, agg)


def _together(one: Sum, two: Sum, agg: str) -> Sum:
    (a, counted), (b, count) = one, two
    if agg == "avg":
        return (a * counted + b * count) / (counted + count), counted + count
    return (min if agg == "min" else max)(a, b), counted + count


def _over_time(rolled: Rolled, agg: str, servers: Collection[int]) -> dict[int, Sum]:
    """One number of each of these servers over all buckets, and of how many samples it is."""
    mine = np.isin(rolled.series, np.fromiter(servers, np.int64)) & (rolled.count.sum(axis=0) > 0)
    if not mine.any():
        return {}
    count = rolled.count[:, mine]
    if agg == "avg":
        known = count > 0
        values = np.where(known, rolled.mean[:, mine] * count, 0.0).sum(axis=0) / count.sum(axis=0)
    else:
        values = np.fmin.reduce(rolled.low[:, mine]) if agg == "min" else np.fmax.reduce(rolled.high[:, mine])
    sums = zip(values.tolist(), count.sum(axis=0).tolist(), strict=True)
    return dict(zip(rolled.series[mine].tolist(), sums, strict=True))
