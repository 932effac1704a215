"""The journal: one writer, one transaction for all that wait, and the answer after the commit.

Everything else reads it by a cursor. Ids commit in order: SQLite has one writer, PostgreSQL an advisory lock.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import IntegrityError, close_old_connections, connection, connections, transaction
from django.db.backends.utils import CursorWrapper

from core.clock import milliseconds
from core.errors import Busy, Unauthorized
from metrics import blob, damaged, recent, uses
from metrics.identities import Identities
from metrics.latest import latest
from metrics.layouts import Known
from metrics.models import OWN, JournalRow, living
from servers.auth import UNKNOWN

log = logging.getLogger(__name__)

MOST_WAITING = 20_000
MOST_WAITING_BYTES = 64 << 20
GROUP = 1000
MANY = 20  # servers within a second: from here on a group waits for company
LINGER = 0.16
GLANCE = 0.04  # in which some must have come, else nobody is on the way
LINGER_BYTES = 8 << 20
FLUSH_EVERY = 30.0
FLUSH_AGAIN = 5.0
FLUSHED_AT_ONCE = 500
MOST_READ = 64 << 20
JOURNAL_LOCK = 0x57415443  # "WATC": the advisory lock that orders commit groups on PostgreSQL


@dataclass(slots=True)
class Entry:
    """One post on its way into the journal."""

    server: int
    layout: Known
    received: int
    times: blob.Times
    values: blob.Values
    boot: str = ""
    seq: int | None = None
    loop: asyncio.AbstractEventLoop | None = None
    answer: Any = None  # an asyncio or concurrent future; resolved after the commit
    repeat: bool = False
    id: int = 0  # the journal row's, once it is stored
    guard: Callable[[], bool] | None = None
    """Asked within the transaction, once for all entries that share it: without its yes they are not stored."""
    refused: bool = False

    @property
    def own(self) -> bool:
        """Found out by ourselves, so no sign of life of the machine."""
        return self.boot == OWN and self.seq is None


class Overtaken(Exception):
    """Whoever wanted to store this is no longer the one to do it; nothing of it was stored."""


@dataclass
class Row:
    """One journal row as consumers see it."""

    id: int
    server: int
    layout: Known
    received: int
    times: blob.Times
    values: blob.Values
    own: bool = False
    """Found out by ourselves: a check's result, a score; no sign of life of the machine."""


@dataclass
class Counters:
    """What went through, for /metrics."""

    posts: int = 0
    samples: int = 0
    repeats: int = 0
    groups: int = 0
    failures: int = 0
    moved_at: float = field(default_factory=time.monotonic)
    failed_at: float = 0.0

    def last_failed(self, within: float) -> bool:
        """Whether the newest commit failed, not longer ago than that."""
        return self.failed_at > self.moved_at and time.monotonic() - self.failed_at < within


_listeners: list[Callable[[list[Entry]], None]] = []


def on_commit(listener: Callable[[list[Entry]], None]) -> None:
    """Told of every stored group, in the writer's thread: be quick."""
    if listener not in _listeners:
        _listeners.append(listener)


class Flow:
    """How many servers post: counted, not posts, so that one that sends its spool is never held up."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.now: set[int] = set()
        self.before = 0

    def take(self, group: list[Entry]) -> None:
        at = time.monotonic()
        if at - self.began >= 1.0:
            self.before = len(self.now) if at - self.began < 2.0 else 0
            self.began, self.now = at, set()
        self.now.update([entry.server for entry in group if not entry.own])

    def crowded(self) -> bool:
        fresh = time.monotonic() - self.began < 2.0
        return fresh and (len(self.now) >= MANY or self.before >= MANY)


class Writer(threading.Thread):
    """Takes all that waits, commits it as one group, then lets the answers go."""

    def __init__(self, *, shared: bool, hears: bool = True) -> None:
        super().__init__(name="ingest-writer", daemon=True)
        self.hears = hears
        self.waiting: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()
        self.bytes = 0
        self.identities = Identities(shared=shared)
        self.counters = Counters()
        self.feeds = settings.EMBEDDED  # else a follower does, which sees what all processes stored
        self.closed = False
        self.flow = Flow()
        self.flushed = time.monotonic()
        self.lock = threading.Lock()

    def mend(self) -> None:
        """Before it starts: have in memory what the journal knows."""
        if not self.identities.shared:
            self.identities.mend()
        if self.hears:
            latest.mend()
        if self.feeds:
            recent.fill()
        # Written at once: its rows may be sealed soon, and the next power cut would find nothing to mend from.
        if self._held():
            self._flush_all()

    def put(self, entry: Entry) -> None:
        """Queue a post, or say politely that we cannot."""
        size = entry.values.nbytes
        with self.lock:
            if self.closed:
                raise Busy("Watchkeeper is stopping; send it again in a moment.", retry=2)
            if self.waiting.qsize() >= MOST_WAITING or self.bytes + size > MOST_WAITING_BYTES:
                raise Busy("More arrives than can be stored; send it again in a moment.", retry=5)
            self.bytes += size
            # Under the lock: whoever comes after the end must not wait in a queue that nobody reads.
            self.waiting.put(entry)

    def run(self) -> None:
        try:
            while self._turn():
                pass
        finally:
            self._leave()

    def _turn(self) -> bool:
        group = self._gather()
        if group:
            self._commit(group)
        if group is None:
            self._flush_all()
        elif time.monotonic() - self.flushed >= FLUSH_EVERY:
            self._flush()
        return group is not None

    def _leave(self) -> None:
        """However this thread ends, nobody may go on waiting for it."""
        with self.lock:
            self.closed = True
        if self.feeds:
            recent.forget()
        left = []
        while not self.waiting.empty():
            left.append(self.waiting.get())
        _answer([entry for entry in left if entry], Busy("Watchkeeper is restarting; send it again.", retry=2))
        connections.close_all()

    def end(self, seconds: float) -> None:
        """Take no more, store what waits, write what memory holds."""
        with self.lock:
            self.closed = True
        self.waiting.put(None)
        self.join(seconds)

    def _gather(self) -> list[Entry] | None:
        """All that waits, at most one group; it waits for company only while many post: a lone one is never late."""
        try:
            first = self.waiting.get(timeout=max(0.05, self.flushed + FLUSH_EVERY - time.monotonic()))
        except queue.Empty:
            return []
        if first is None:
            return None
        if self.flow.crowded():
            self._linger()
        group = [first]
        while len(group) < GROUP:
            try:
                entry = self.waiting.get_nowait()
            except queue.Empty:
                break
            if entry is None:
                self.waiting.put(None)
                break
            group.append(entry)
        self.flow.take(group)
        return group

    def _linger(self) -> None:
        """Each commit costs whole pages on the disk, and wakes all who read behind it."""
        end, before = time.monotonic() + LINGER, -1
        while time.monotonic() < end and before < self.waiting.qsize() < GROUP and self.bytes < LINGER_BYTES:
            before = self.waiting.qsize()
            time.sleep(GLANCE)

    def _commit(self, group: list[Entry]) -> None:
        with self.lock:
            self.bytes -= sum(entry.values.nbytes for entry in group)
        failure: Exception | None = Busy("The database does not take data now; send it again in a moment.", retry=5)
        try:
            group = self._store_living(group)
            failure = None
            self._remember(group)
        except Exception:
            self.counters.failures += 1
            self.counters.failed_at = time.monotonic()
            log.exception("A group of %d posts could not be stored; their senders keep them", len(group))
            self._recover()
        finally:
            _answer([entry for entry in group if entry.refused], Overtaken())
            _answer(group, failure)
        if failure is None:
            _tell([entry for entry in group if not entry.repeat and not entry.refused])

    def _store_living(self, group: list[Entry]) -> list[Entry]:
        """Store a group; a server that was removed meanwhile must not fail the posts of the others."""
        try:
            self._store(group)
        except IntegrityError:
            self.identities.undo()
            alive = living()
            _answer([entry for entry in group if entry.server not in alive], Unauthorized(UNKNOWN))
            group = [entry for entry in group if entry.server in alive]
            if group:
                self._store(group)
        return group

    def _store(self, group: list[Entry]) -> None:
        with transaction.atomic():
            if self.identities.shared:
                _order_commits()
            self.identities.load({(entry.server, entry.boot) for entry in group if entry.seq is not None})
            for entry in group:
                entry.repeat = entry.seq is not None and self.identities.is_repeat(
                    entry.server, entry.boot, entry.seq
                )
            _ask_guards(group)
            _insert([entry for entry in group if not entry.repeat and not entry.refused])
            if self.identities.shared:
                self.identities.flush(group[-1].received)

    def _recover(self) -> None:
        self.identities.undo()
        if self.feeds and self.identities.shared:
            recent.forget()  # the answer to a commit may be lost, so the table is asked until memory is filled anew
        with _guarded("Closing the broken connection"):
            close_old_connections()

    def _remember(self, group: list[Entry]) -> None:
        """Move what memory holds on; the rows are safe whatever happens here."""
        fresh = [entry for entry in group if not entry.repeat and not entry.refused]
        with _guarded("Moving the newest rows on"):
            for entry in fresh:
                take = latest.take_own if entry.own else latest.take
                take(entry.server, entry.layout, entry.received, entry.times, entry.values)
        if self.feeds:
            with _guarded("Remembering what is not sealed"):
                recent.take(fresh)
        self.counters.posts += sum(not entry.own for entry in group)
        self.counters.repeats += sum(entry.repeat for entry in group)
        self.counters.samples += sum(entry.values.size for entry in fresh)
        self.counters.groups += 1
        self.counters.moved_at = time.monotonic()

    def _flush(self) -> None:
        """One slice, as posts wait meanwhile. Each by itself: one that fails must not hold up the other."""
        at, before = milliseconds(), self._held()
        with _guarded("Saving the identities of batches"):
            self.identities.flush(at, FLUSHED_AT_ONCE)
        with _guarded("Saving the newest rows"):
            latest.flush(FLUSHED_AT_ONCE)
        pause, left = FLUSH_EVERY, self._held()
        if left:  # more goes on at once; what failed soon, for what is sealed must be written before
            pause = 0.0 if left < before else FLUSH_AGAIN
        else:
            self._tidy(at)
        self.flushed = time.monotonic() + pause - FLUSH_EVERY

    def _flush_all(self) -> None:
        before = self._held() + 1
        while self._held() < before:
            before = self._held()
            self._flush()

    def _held(self) -> int:
        return len(latest.dirty) + len(self.identities.dirty)

    def _tidy(self, at: int) -> None:
        with _guarded("Forgetting old identities"):
            self.identities.expire(at)
        if self.feeds:
            with _guarded("Letting go what is sealed"):
                recent.keep_up()


def _tell(fresh: list[Entry]) -> None:
    for listener in _listeners if fresh else ():
        with _guarded("A listener to the journal"):
            listener(fresh)


@contextmanager
def _guarded(what: str) -> Iterator[None]:
    """What goes wrong here is told, and the writer goes on: the journal has everything."""
    try:
        yield
    except Exception:
        log.exception("%s failed; the journal has it all", what)


def _ask_guards(group: list[Entry]) -> None:
    said: dict[Callable[[], bool], bool] = {}
    for entry in group:
        if entry.guard is not None:
            if entry.guard not in said:
                said[entry.guard] = entry.guard()
            entry.refused = not said[entry.guard]


def _order_commits() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [JOURNAL_LOCK])


def _insert(entries: list[Entry]) -> None:
    """Store the rows and tell each entry its id."""
    table = connection.ops.quote_name(JournalRow._meta.db_table)
    names = 'server_id, layout_id, received, start, "end", boot, seq, rows'
    back = " RETURNING id" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        for place in range(0, len(entries), 100):
            part = entries[place : place + 100]
            marks = ",".join(["(%s,%s,%s,%s,%s,%s,%s,%s)"] * len(part))
            values = [value for entry in part for value in _row(entry)]
            cursor.execute(f"INSERT INTO {table} ({names}) VALUES {marks}{back}", values)  # noqa: S608 - our own names
            for entry, pk in zip(part, _ids(cursor, len(part)), strict=True):
                entry.id = pk


def _ids(cursor: CursorWrapper, count: int) -> Iterable[int]:
    """The ids of the rows just inserted; SQLite gives one writer's rows consecutive ones."""
    if connection.vendor == "postgresql":
        return [pk for (pk,) in cursor.fetchall()]
    return range(cursor.lastrowid - count + 1, cursor.lastrowid + 1)


def _row(entry: Entry) -> tuple[int | str | bytes | None, ...]:
    return (
        entry.server, entry.layout.id, entry.received, int(entry.times.min()), int(entry.times.max()),
        entry.boot, entry.seq, blob.pack(entry.times, entry.values),
    )  # fmt: skip


def _answer(group: list[Entry], error: Exception | None) -> None:
    """Let the waiting requests go: one hop per loop, not one per request."""
    by_loop: dict[asyncio.AbstractEventLoop | None, list[Entry]] = defaultdict(list)
    for entry in group:
        by_loop[entry.loop].append(entry)
    for loop, entries in by_loop.items():
        if loop is None:
            _resolve(entries, error)
        else:
            with suppress(RuntimeError):  # the loop is closed: nobody waits there any more
                loop.call_soon_threadsafe(_resolve, entries, error)


def _resolve(entries: list[Entry], error: Exception | None) -> None:
    for entry in entries:
        if entry.answer is None or entry.answer.done():
            continue
        if error is None:
            entry.answer.set_result(None)
        else:
            entry.answer.set_exception(error)


# The sum of the sizes ends a read early; the first row is always taken.
_READ = """
SELECT j.id, j.server_id, j.layout_id, j.received, j.boot = %s AND j.seq IS NULL, j.rows
FROM (
    SELECT id, LENGTH(rows) AS size, SUM(LENGTH(rows)) OVER (ORDER BY id) AS held
    FROM metrics_journalrow WHERE id > %s ORDER BY id LIMIT %s
) AS next JOIN metrics_journalrow AS j ON j.id = next.id
WHERE next.held <= %s OR next.held = next.size ORDER BY j.id
"""


def read(after: int, most: int = 2000) -> Iterator[Row]:
    """Journal rows behind a cursor, in the order they were committed; fewer where they are huge."""
    with connection.cursor() as cursor:
        cursor.execute(_READ, [OWN, after, most, MOST_READ])
        found = cursor.fetchall()
    for pk, server, layout_id, received, own, data in found:
        if row := damaged.row(pk, layout_id, data):
            yield Row(pk, server, row[0], received, row[1], row[2], bool(own))


def seeds(place: int) -> Iterator[tuple[int, int, int]]:
    """Server, layout and time: how far the rows up to a cursor reach, for a consumer that begins there."""
    return uses.seeds(place)
