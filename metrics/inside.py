"""The inside door: samples that we found out ourselves, such as a check's result or a score, on the way of all.

They are stored by the same writer and judged like any other, and are no sign of life of the machine they speak of.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from core.clock import milliseconds
from core.errors import Busy
from metrics import blob
from metrics.journal import Entry
from metrics.layouts import Known, layouts
from metrics.models import EARLIEST, FURTHEST, OWN
from metrics.names import layout_hash
from metrics.running import writer

QUOTA = 1000  # series of ours for one server within an hour, beside the machine's own
UNUSED = 3600.0


class TooManySeries(ValueError):
    """More series of ours for one server than are kept."""


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of samples about one server: a time and as many values as columns in each."""

    server: int
    columns: tuple[str, ...]
    times: Sequence[int] | blob.Times
    values: Sequence[Sequence[float]] | blob.Values


class Stored:
    """One answer for many entries, that may go in several commits: it is there when each of them has its own."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.error: BaseException | None = None
        self.event = threading.Event()
        self.lock = threading.Lock()

    def settled(self) -> bool:
        """Whether each part is stored, or never will be."""
        return self.event.is_set()

    def settle(self, error: BaseException | None) -> None:
        with self.lock:
            self.error = self.error or error
            self.left -= 1
            if not self.left:
                self.event.set()

    def wait(self, seconds: float) -> None:
        """Or Late, which carries this answer: it comes, only not in time."""
        if not self.event.wait(seconds):
            raise Late(self)
        if self.error is not None:
            raise self.error


class Late(TimeoutError):
    """It was not stored in time, and may be stored yet: who would do it again must wait until that is settled."""

    def __init__(self, stored: Stored) -> None:
        super().__init__("What we found out was not stored in time.")
        self.stored = stored


class Share:
    """One entry's part of the answer; the writer may answer it again and is heard once."""

    def __init__(self, whole: Stored) -> None:
        self.whole = whole
        self.given = False

    def done(self) -> bool:
        return self.given

    def set_result(self, _nothing: None) -> None:
        self._give(None)

    def set_exception(self, error: BaseException) -> None:
        self._give(error)

    def _give(self, error: BaseException | None) -> None:
        self.given = True
        self.whole.settle(error)


class Allowance:
    """Which series of ours were stored for a server within the hour."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.of_server: dict[int, OrderedDict[int, float]] = {}

    def take(self, server: int, layout: Known) -> None:
        at = time.monotonic()
        with self.lock:
            mine = self.of_server.setdefault(server, OrderedDict())
            if layout.id in mine:
                mine[layout.id] = at
                mine.move_to_end(layout.id)
                return
            while mine and mine[next(iter(mine))] < at - UNUSED:
                mine.popitem(last=False)
            held = {int(one) for id_ in mine for one in layouts.by(id_).series}
            if len(held.union(layout.series.tolist())) > QUOTA:
                raise TooManySeries(f"More than {QUOTA} series of our own for server {server} within an hour.")
            mine[layout.id] = at


allowance = Allowance()


def put(
    server: int, columns: Sequence[str], times: Sequence[int] | blob.Times,
    values: Sequence[Sequence[float]] | blob.Values, *, wait: float = 0.0,
) -> None:  # fmt: skip
    """Store rows about one server: times in milliseconds, a row of values for each; NaN is "not measured".

    With `wait` it returns after the commit, or fails; without, when they are queued. Busy when the queue is full.
    Not on a loop: a new set of columns, or a process's first sample, needs the database.
    """
    put_all([Found(server, tuple(columns), times, values)], wait=wait)


def put_all(found: Iterable[Found], *, wait: float = 0.0, guard: Callable[[], bool] | None = None) -> None:
    """The same of many servers, in one commit group as far as one holds them.

    A guard is asked in the very transaction that stores them: if it says no, Overtaken is raised and nothing stored.
    What the guard writes, such as a cursor, stands if and only if the samples do. At most a group's worth of rows.
    """
    received = milliseconds()
    entries = [_entry(one, received, guard) for one in found]
    if not entries:
        return
    answer = Stored(len(entries)) if wait else None
    for entry in entries:
        entry.answer = Share(answer) if answer else None
    _queue(entries)
    if answer is not None:
        answer.wait(wait)


def _queue(entries: Sequence[Entry]) -> None:
    """Once the queue is full the rest is not stored; who waits hears it when the others are."""
    held = writer()
    for place, entry in enumerate(entries):
        try:
            held.put(entry)
        except Busy as busy:
            if entry.answer is None:
                raise
            for left in entries[place:]:
                left.answer.set_exception(busy)
            return


def _entry(found: Found, received: int, guard: Callable[[], bool] | None) -> Entry:
    layout = layout_of(found.columns)
    times = np.asarray(found.times, np.int64)
    values = np.asarray(found.values, np.float64).reshape(len(times), len(layout.columns))
    if not len(times) or times.min() < EARLIEST or times.max() > FURTHEST:
        raise ValueError("Samples of ours need sane times.")
    allowance.take(found.server, layout)
    return Entry(found.server, layout, received, times, values, boot=OWN, guard=guard)


def layout_of(columns: Sequence[str]) -> Known:
    """The layout of these columns, stored when it is new."""
    listed = list(columns)
    hash_ = layout_hash(listed)
    return layouts.find(hash_) or layouts.learn(hash_, listed)
