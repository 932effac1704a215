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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError, close_old_connections, connection, connections, transaction
from django.db.models import Max

from core.errors import Busy
from metrics import blob, ranges
from metrics.latest import latest
from metrics.layouts import Known, layouts
from metrics.models import Accepted, JournalRow

log = logging.getLogger(__name__)

MOST_WAITING = 20_000
MOST_WAITING_BYTES = 64 << 20
GROUP = 1000
CROWDED = 8
LINGER = 0.02
FLUSH_EVERY = 15.0
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


@dataclass
class Row:
    """One journal row as consumers see it."""

    id: int
    server: int
    layout: Known
    received: int
    times: blob.Times
    values: blob.Values


class Identities:
    """Which batches were taken. Alone on the data, memory is the truth between flushes; else the table is."""

    def __init__(self, *, shared: bool) -> None:
        self.shared = shared
        self.taken: dict[tuple[int, str], ranges.Ranges] = {}
        self.dirty: set[tuple[int, str]] = set()

    def load(self, keys: set[tuple[int, str]]) -> None:
        missing = keys if self.shared else {key for key in keys if key not in self.taken}
        if not missing:
            return
        rows = Accepted.objects.filter(server__in={server for server, _ in missing}).values_list(
            "server_id", "boot", "ranges"
        )
        found = {(server, boot): kept for server, boot, kept in rows}
        for key in missing:
            self.taken[key] = found.get(key, [])

    def is_repeat(self, entry: Entry) -> bool:
        if entry.seq is None:
            return False
        key = (entry.server, entry.boot)
        if ranges.holds(self.taken[key], entry.seq):
            return True
        ranges.add(self.taken[key], entry.seq)
        self.dirty.add(key)
        return False

    def flush(self, received: int) -> None:
        rows = [
            Accepted(server_id=server, boot=boot, ranges=self.taken[server, boot], changed=received)
            for server, boot in sorted(self.dirty)
        ]
        Accepted.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["server", "boot"], update_fields=["ranges", "changed"]
        )
        self.dirty.clear()

    def mend(self) -> None:
        """At start: the journal knows the batches that were taken after the last flush."""
        flushed = Accepted.objects.order_by("-changed").values_list("changed", flat=True).first() or 0
        rows = JournalRow.objects.filter(received__gte=flushed - 120_000, seq__isnull=False)
        for server, boot, seq in rows.order_by("pk").values_list("server_id", "boot", "seq").iterator():
            self.load({(server, boot)})
            ranges.add(self.taken[server, boot], seq or 0)
            self.dirty.add((server, boot))

    def forget(self) -> None:
        """After a failed commit memory may be ahead of the table: read it again."""
        self.taken.clear()
        self.dirty.clear()
        if not self.shared:
            self.mend()


@dataclass
class Counters:
    """What went through, for /metrics."""

    posts: int = 0
    samples: int = 0
    repeats: int = 0
    groups: int = 0
    failures: int = 0
    moved_at: float = field(default_factory=time.monotonic)


_listeners: list[Callable[[list[Entry]], None]] = []


def on_commit(listener: Callable[[list[Entry]], None]) -> None:
    """Told of every stored group, in the writer's thread: be quick."""
    if listener not in _listeners:
        _listeners.append(listener)


class Writer(threading.Thread):
    """Takes all that waits, commits it as one group, then lets the answers go."""

    def __init__(self, *, shared: bool) -> None:
        super().__init__(name="ingest-writer", daemon=True)
        self.waiting: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()
        self.bytes = 0
        self.identities = Identities(shared=shared)
        self.counters = Counters()
        self.closed = False
        self.crowd = 0
        self.flushed = time.monotonic()
        self.lock = threading.Lock()

    def put(self, entry: Entry) -> None:
        """Queue a post, or say politely that we cannot."""
        size = entry.values.nbytes
        with self.lock:
            if self.closed:
                raise Busy("Watchkeeper is stopping; send it again in a moment.", retry=2)
            if self.waiting.qsize() >= MOST_WAITING or self.bytes + size > MOST_WAITING_BYTES:
                raise Busy("More arrives than can be stored; send it again in a moment.", retry=5)
            self.bytes += size
        self.waiting.put(entry)

    def run(self) -> None:
        while (group := self._gather()) is not None:
            if group:
                self._commit(group)
            if time.monotonic() - self.flushed > FLUSH_EVERY:
                self._flush()
        self._flush()
        connections.close_all()

    def end(self, seconds: float) -> None:
        """Take no more, store what waits, write what memory holds."""
        with self.lock:
            self.closed = True
        self.waiting.put(None)
        self.join(seconds)

    def _gather(self) -> list[Entry] | None:
        """All that waits, at most one group; linger only when posts crowd, so that a lone one is never late."""
        try:
            first = self.waiting.get(timeout=FLUSH_EVERY)
        except queue.Empty:
            return []
        if first is None:
            return None
        if self.crowd >= CROWDED:
            time.sleep(LINGER)
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
        self.crowd = len(group)
        return group

    def _commit(self, group: list[Entry]) -> None:
        with self.lock:
            self.bytes -= sum(entry.values.nbytes for entry in group)
        try:
            self._store(group)
        except Exception:
            self.counters.failures += 1
            log.exception("A group of %d posts could not be stored; their senders keep them", len(group))
            self._recover()
            _answer(group, Busy("The database does not take data now; send it again in a moment.", retry=5))
            return
        fresh = [entry for entry in group if not entry.repeat]
        for entry in fresh:
            latest.take(entry.server, entry.layout, entry.received, entry.times, entry.values)
        self._count(group, fresh)
        _answer(group, None)
        for listener in _listeners if fresh else ():
            listener(fresh)

    def _store(self, group: list[Entry]) -> None:
        with transaction.atomic():
            if self.identities.shared:
                _order_commits()
            self.identities.load({(entry.server, entry.boot) for entry in group if entry.seq is not None})
            for entry in group:
                entry.repeat = self.identities.is_repeat(entry)
            _insert([entry for entry in group if not entry.repeat])
            if self.identities.shared:
                self.identities.flush(group[-1].received)

    def _recover(self) -> None:
        try:
            close_old_connections()
            self.identities.forget()
        except DatabaseError:
            connections.close_all()

    def _count(self, group: list[Entry], fresh: list[Entry]) -> None:
        self.counters.posts += len(group)
        self.counters.repeats += len(group) - len(fresh)
        self.counters.samples += sum(entry.values.size for entry in fresh)
        self.counters.groups += 1
        self.counters.moved_at = time.monotonic()

    def _flush(self) -> None:
        try:
            self.identities.flush(int(time.time() * 1000))
            latest.flush()
        except DatabaseError:
            log.exception("Latest rows were not saved; the journal has them")
        self.flushed = time.monotonic()


def _order_commits() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [JOURNAL_LOCK])


def _insert(entries: list[Entry]) -> None:
    rows = [
        (
            entry.server, entry.layout.id, entry.received, int(entry.times.min()), int(entry.times.max()),
            entry.boot, entry.seq, blob.pack(entry.times, entry.values),
        )
        for entry in entries
    ]  # fmt: skip
    table = connection.ops.quote_name(JournalRow._meta.db_table)
    names = 'server_id, layout_id, received, start, "end", boot, seq, rows'
    with connection.cursor() as cursor:
        for place in range(0, len(rows), 100):
            part = rows[place : place + 100]
            marks = ",".join(["(%s,%s,%s,%s,%s,%s,%s,%s)"] * len(part))
            values = [value for row in part for value in row]
            cursor.execute(f"INSERT INTO {table} ({names}) VALUES {marks}", values)  # noqa: S608 - our own names


def _answer(group: list[Entry], error: Exception | None) -> None:
    """Let the waiting requests go: one hop per loop, not one per request."""
    by_loop: dict[asyncio.AbstractEventLoop | None, list[Entry]] = defaultdict(list)
    for entry in group:
        by_loop[entry.loop].append(entry)
    for loop, entries in by_loop.items():
        if loop is None:
            _resolve(entries, error)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, entries, error)


def _resolve(entries: list[Entry], error: Exception | None) -> None:
    for entry in entries:
        if entry.answer is None or entry.answer.done():
            continue
        if error is None:
            entry.answer.set_result(None)
        else:
            entry.answer.set_exception(error)


def read(after: int, most: int = 2000) -> Iterator[Row]:
    """Journal rows behind a cursor, in the order they were committed."""
    for row in JournalRow.objects.filter(pk__gt=after).order_by("pk")[:most]:
        layout = layouts.by(row.layout_id)
        times, values = blob.unpack(row.rows, len(layout.columns))
        yield Row(row.pk, row.server_id, layout, row.received, times, values)


def newest_before(place: int) -> dict[int, int]:
    """The newest sample time of each server up to a cursor: what its consumer has judged."""
    rows = JournalRow.objects.filter(pk__lte=place).values("server_id").annotate(last=Max("end"))
    return {row["server_id"]: row["last"] for row in rows}
