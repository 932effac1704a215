"""What stands in the journal and is not sealed yet: the rows of each server, and five-minute buckets by metric.

Fed once a commit group by the process's writer, or by the follower where other processes write too.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.models import Cursor
from metrics import blob, damaged
from metrics.layouts import Known
from metrics.models import JournalRow

SEALED = "sealed"
SPAN = 300_000
HOUR = 12 * SPAN
FOLD = 256
MOST_ROWS = 3_000_000
MOST_FILLED = 1_000_000  # at start: about six seconds of it
MOST_CELLS = 4_000_000  # of buckets, 28 bytes each: ten thousand servers of sixty series need three
GROUP = 2000
_FIELDS = ("pk", "server_id", "layout_id", "received", "rows")
MOST_TAKEN_AGAIN = 100_000
NEVER = 1 << 62

Place = tuple[int, int]  # when a bucket begins, and in which five minutes its rows were received
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Counts = NDArray[np.int32]


class Post(Protocol):
    """What is taken of a stored post: a journal entry or a row read back."""

    id: int
    server: int
    layout: Known
    received: int
    times: blob.Times
    values: blob.Values


@dataclass(slots=True)
class Fleet:
    """Buckets of one series: times by servers, NaN and 0 where nothing was measured."""

    t: Ints
    servers: Ints
    low: Floats
    high: Floats
    mean: Floats
    count: Ints
    place: int  # of the journal: rows up to here are not in it


class Bucket:
    """Five minutes of one layout: a row a server, a column a series."""

    def __init__(self, room: int, width: int) -> None:
        self.first, self.last = NEVER, 0  # the oldest and newest journal row in it
        self.low, self.high = np.full((room, width), np.nan), np.full((room, width), np.nan)
        self.total, self.count = np.zeros((room, width)), np.zeros((room, width), np.int32)

    def grow(self, room: int) -> None:
        more = room - len(self.low)
        if more > 0:
            self.low, self.high = (
                np.pad(kept, ((0, more), (0, 0)), constant_values=np.nan) for kept in (self.low, self.high)
            )
            self.total = np.pad(self.total, ((0, more), (0, 0)))
            self.count = np.pad(self.count, ((0, more), (0, 0)))

    def add(self, slots: Ints, values: Floats) -> None:
        """Rows sorted by slot: each slot's rows are reduced first, so that it is touched once."""
        slots, starts = np.unique(slots, return_index=True)
        known = ~np.isnan(values)
        self.low[slots] = np.fmin(self.low[slots], np.fmin.reduceat(values, starts))
        self.high[slots] = np.fmax(self.high[slots], np.fmax.reduceat(values, starts))
        self.total[slots] += np.add.reduceat(np.where(known, values, 0.0), starts)
        self.count[slots] += np.add.reduceat(known, starts, dtype=np.int32)


class Block:
    """The buckets of one layout and the servers that report by it.

    By when they begin and in which five minutes their rows were received: seals cut there, so that one takes a
    bucket whole, though some clocks run ahead and some rows come late.
    """

    def __init__(self, layout: Known) -> None:
        self.layout = layout
        self.slots: dict[int, int] = {}
        self.buckets: dict[Place, Bucket] = {}

    def add(self, posts: list[Post]) -> int:
        """Fold posts in; gives the number of cells that this took."""
        before = self.cells
        by_window: dict[int, list[Post]] = defaultdict(list)
        for post in posts:
            by_window[post.received // SPAN].append(post)
        for window, some in by_window.items():
            self._add(window, some)
        return self.cells - before

    def _add(self, window: int, posts: list[Post]) -> None:
        slot = self.slots
        counts = [len(post.times) for post in posts]
        slots = np.repeat([slot.setdefault(post.server, len(slot)) for post in posts], counts)
        ids = np.repeat([post.id for post in posts], counts)
        times = np.concatenate([post.times for post in posts])
        starts = times - times % SPAN
        order = np.lexsort((slots, starts))
        slots, ids, starts = slots[order], ids[order], starts[order]
        values = np.concatenate([post.values for post in posts])[order]
        edges = [0, *(np.flatnonzero(np.diff(starts)) + 1).tolist(), len(starts)]
        for begin, end in pairwise(edges):
            bucket = self._bucket((int(starts[begin]), window))
            bucket.first = min(bucket.first, int(ids[begin:end].min()))
            bucket.last = max(bucket.last, int(ids[begin:end].max()))
            bucket.add(slots[begin:end], values[begin:end])

    @property
    def cells(self) -> int:
        return sum(bucket.low.size for bucket in self.buckets.values())

    def _bucket(self, place: Place) -> Bucket:
        found = self.buckets.get(place)
        if found is None:
            found = self.buckets[place] = Bucket(len(self.slots), len(self.layout.columns))
        elif len(found.low) < len(self.slots):
            found.grow(len(self.slots) + len(self.slots) // 4)
        return found


class Recent:
    """This process's memory of the journal's unsealed rows; knows nothing unless it was filled."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._clear()

    def forget(self) -> None:
        """This process no longer follows the journal."""
        with self.lock:
            self._clear()

    def _clear(self) -> None:
        self.follows = False
        self.place = self.upto = 0
        self.rows: dict[int, array[int]] = {}
        self.held = 0
        self.blocks: dict[int, Block] = {}
        self.cells = 0
        self.pending: list[Post] = []
        self.waiting = 0

    def fill(self) -> int:
        """At start: take what the journal has behind the seal; gives the place from where to follow it."""
        with self.lock:
            self._clear()
            place = Cursor.objects.place(SEALED)
            newest = JournalRow.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
            if newest - place > min(MOST_ROWS, MOST_FILLED):
                return newest  # a seal must come first; until then whoever asks reads the journal
            self.follows, self.place, self.upto = True, place, place
            for posts, reached in _stored(place):
                if posts:
                    self._take(posts)
                place = reached
            return place

    def take(self, posts: Sequence[Post]) -> None:
        """What was committed just now, in the order of its ids."""
        if self.follows and posts:
            with self.lock:
                try:
                    self._take(posts)
                except Exception:
                    self._clear()  # what was not taken must be asked of the table
                    raise

    def _take(self, posts: Sequence[Post]) -> None:
        rows = self.rows
        for post in posts:
            held = rows.get(post.server)
            if held is None:
                held = rows[post.server] = array("q")
            held.append(post.id)
            self.waiting += len(post.times)
        self.held += len(posts)
        self.upto = posts[-1].id
        self.pending.extend(posts)
        if self.waiting >= FOLD:
            self._fold()
        if self.held > MOST_ROWS:
            self._clear()  # nothing was sealed for long: the table must be asked

    def _fold(self) -> None:
        pending, self.pending, self.waiting = self.pending, [], 0
        by_layout: dict[int, list[Post]] = defaultdict(list)
        for post in pending:
            by_layout[post.layout.id].append(post)
        for layout, posts in by_layout.items():
            block = self.blocks.get(layout)
            if block is None:
                block = self.blocks[layout] = Block(posts[0].layout)
            self.cells += block.add(posts)
        while self.cells > MOST_CELLS:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        """Back-fill of long ago is seen once it is sealed; the newest minutes are always here."""
        place, layout = min((min(block.buckets), layout) for layout, block in self.blocks.items())
        self._drop(layout, place)

    def _drop(self, layout: int, place: Place) -> None:
        block = self.blocks[layout]
        self.cells -= block.buckets.pop(place).low.size
        if not block.buckets:
            del self.blocks[layout]

    def ids(self, server: int) -> list[int] | None:
        """The unsealed rows of a server, oldest first; nothing when this process does not follow the journal."""
        with self.lock:
            return self.rows.get(server, array("q")).tolist() if self.follows else None

    def unsealed(self, server: int) -> tuple[list[int], int] | None:
        """The same, and how far the journal was followed: what another process stored a moment ago stands behind."""
        with self.lock:
            return (self.rows.get(server, array("q")).tolist(), self.upto) if self.follows else None

    def buckets(self, series: int, start: int, end: int) -> Fleet | None:
        """Five-minute buckets of a series over all servers, as far as their rows were seen here."""
        with self.lock:
            if not self.follows:
                return None
            self._fold()
            return _joined(list(self._parts(series, start, end)), self.place)

    def hours(self, series: Collection[int], start: int, end: int) -> tuple[set[int], int] | None:
        """The hours of which rows of these series are unsealed, and the place up to which nothing is held."""
        with self.lock:
            if not self.follows:
                return None
            self._fold()
            places = [
                at
                for block in self.blocks.values() if np.isin(block.layout.series, list(series)).any()
                for at, _ in block.buckets if start < at + SPAN and at <= end
            ]  # fmt: skip
            return {at - at % HOUR for at in places}, self.place

    def _parts(self, series: int, start: int, end: int) -> Iterator[tuple[int, Fleet]]:
        for block in self.blocks.values():
            for place in np.flatnonzero(block.layout.series == series).tolist():
                servers = np.fromiter(block.slots, np.int64, len(block.slots))
                for (at, _), bucket in block.buckets.items():
                    if start < at + SPAN and at <= end:
                        yield at, _column(at, servers, bucket, place)

    def keep_up(self) -> int:
        """Now and then, from where rows are taken: let go what was sealed, begin anew after having given up.

        Gives the place up to which rows were taken here, and must not be taken again.
        """
        if not self.follows:
            return self.fill()
        self.trim(Cursor.objects.place(SEALED))
        return 0

    def trim(self, upto: int) -> None:
        """Rows up to here are sealed."""
        with self.lock:
            if self.follows and upto > self.place:
                self._fold()
                self.place = upto
                self._trim_rows(upto)
                self._take_again(self._drop_sealed(upto))

    def _drop_sealed(self, upto: int) -> dict[tuple[int, Place], int]:
        """Buckets of which the seal took rows, wholly or in part; gives the newest row of those it cut."""
        cut = {}
        for layout, block in list(self.blocks.items()):
            for place, bucket in list(block.buckets.items()):
                if bucket.first <= upto:
                    self._drop(layout, place)
                    if bucket.last > upto:
                        cut[layout, place] = bucket.last
        return cut

    def _take_again(self, cut: dict[tuple[int, Place], int]) -> None:
        """What is left of the buckets that a seal cut in two: the few rows that were overtaken just there."""
        last = max(cut.values(), default=0)
        if not cut or last - self.place > MOST_TAKEN_AGAIN:
            return  # much back-fill: these minutes are seen again at the next seal
        rows = JournalRow.objects.filter(pk__gt=self.place, pk__lte=last, layout__in={layout for layout, _ in cut})
        chosen = rows.order_by("pk").values_list(*_FIELDS).iterator(chunk_size=GROUP)
        posts: dict[int, list[Post]] = defaultdict(list)
        for post in _unpacked(chosen):
            mine = post.layout.id, post.received // SPAN
            inside = np.isin(
                post.times - post.times % SPAN, [at for layout, (at, window) in cut if mine == (layout, window)]
            )
            if inside.any():
                times, values = post.times[inside], post.values[inside]
                left = _Stored(post.id, post.server, post.layout, post.received, times, values)
                posts[post.layout.id].append(left)
        for layout, listed in posts.items():
            block = self.blocks.setdefault(layout, Block(listed[0].layout))
            self.cells += block.add(listed)

    def _trim_rows(self, upto: int) -> None:
        for server, held in list(self.rows.items()):
            gone = bisect_right(held, upto)
            self.held -= gone
            del held[:gone]
            if not held:
                del self.rows[server]


def _column(at: int, servers: Ints, bucket: Bucket, place: int) -> Fleet:
    """One column of a bucket, of those servers that measured it; `mean` holds the sum until all are joined."""
    count = bucket.count[: len(servers), place]
    some = np.flatnonzero(count)
    low, high, total = (kept[some, place] for kept in (bucket.low, bucket.high, bucket.total))
    return Fleet(np.array([at]), servers[some], low, high, total, count[some].astype(np.int64), 0)


def _joined(parts: list[tuple[int, Fleet]], upto: int) -> Fleet:
    """Side by side: a server may have told a series by two layouts within one bucket."""
    t = np.array(sorted({at for at, _ in parts}), np.int64)
    servers = np.unique(np.concatenate([part.servers for _, part in parts] or [np.array([], np.int64)]))
    shape = (len(t), len(servers))
    low, high = np.full(shape, np.nan), np.full(shape, np.nan)
    total, count = np.zeros(shape), np.zeros(shape, np.int64)
    for at, part in parts:
        row, places = int(np.searchsorted(t, at)), np.searchsorted(servers, part.servers)
        low[row, places] = np.fmin(low[row, places], part.low)
        high[row, places] = np.fmax(high[row, places], part.high)
        total[row, places] += part.mean
        count[row, places] += part.count
    with np.errstate(invalid="ignore"):
        mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return Fleet(t, servers, low, high, mean, count, upto)


@dataclass(slots=True)
class _Stored:
    """A journal row as it is taken at start."""

    id: int
    server: int
    layout: Known
    received: int
    times: blob.Times
    values: blob.Values


def _stored(place: int) -> Iterator[tuple[list[Post], int]]:
    """What is behind a place, and how far that reaches: rows that cannot be read are passed over."""
    while True:
        rows = JournalRow.objects.filter(pk__gt=place).order_by("pk").values_list(*_FIELDS)
        found = list(rows[:GROUP])
        if not found:
            return
        place = found[-1][0]
        yield list(_unpacked(found)), place


def _unpacked(rows: Iterable[tuple[int, int, int, int, bytes | memoryview]]) -> Iterator[Post]:
    for pk, server, layout_id, received, data in rows:
        if row := damaged.row(pk, layout_id, data):
            yield _Stored(pk, server, row[0], received, *row[1:])


_recent = Recent()
ids, unsealed, buckets, trim = _recent.ids, _recent.unsealed, _recent.buckets, _recent.trim
hours = _recent.hours
fill, take, forget, keep_up = _recent.fill, _recent.take, _recent.forget, _recent.keep_up
