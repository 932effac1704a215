"""Rows on disk until the hub has them: they survive kill -9, power cuts and a hub that is away for a day.

Every row has a number that never comes again. A row taken while the hub answers has its batch identity
(boot, seq) from the beginning; rows taken while it is away get one later, many together, by a record of
their own written before they are first sent. So the same rows always go out under the same identity,
also after a crash between sending and hearing the answer.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
import time
from typing import Any, Callable

from watchkeeper_agent.errors import Trouble, say
from watchkeeper_agent.rows import Batch, Limits, Row, Segment
from watchkeeper_agent.sample import Number
from watchkeeper_agent.segments import HEAD, MAGIC, Ranges, Writer, read_at, records

MOST_ROWS, LARGEST_BATCH = 60, 300  # together in one post; more of them when the past is long
MOST_HELD = 360  # rows in memory while the disk takes none: an hour of them
BETWEEN_TRIES = 30.0
CREDITED = 0.8  # of the age cap, at most, for the life before this one: its clock may have jumped
KEEP = 600.0  # acknowledged rows stay ten minutes more, for a hub that lost its last moments
SAVE_EVERY = 10.0


class Spool:
    """Appended to by the loop, emptied by the courier; both may call at any time."""

    def __init__(
        self, folder: str, limits: Limits | None = None, guard: Callable[[str], None] = lambda _: None
    ) -> None:
        self.folder = folder
        self.limits = limits or Limits()
        self.guard = guard
        self.boot = os.urandom(16).hex()  # a new one each start, so seq may begin at 1 and never repeats
        self.seq = 0
        self.lock = threading.RLock()
        self.segments: list[Segment] = []
        self.writer: Writer | None = None
        self.recovered = False
        self.tried_at = 0.0
        self.layouts: dict[str, list[str]] = {}
        self.joined: dict[int, dict[str, Any]] = {}
        self.held: list[Batch] = []
        self.newest: Batch | None = None
        self.acked = Ranges()
        self.dropped = 0
        self.samples = 0
        self.told = 0
        self.saved_at = time.monotonic()
        self.next = 1
        self._open()

    def _open(self) -> None:
        """Find what is there; a folder that cannot be written is tried again now and then."""
        self.tried_at = time.monotonic()
        try:
            if not self.recovered:
                os.makedirs(self.folder, mode=0o700, exist_ok=True)
                self.guard(self.folder)
                self._recover()
            self._go_on()
        except OSError as error:
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        """One sentence for all that can fail here: said once, however often it fails."""
        say(
            "spool",
            f"The spool folder {self.folder} cannot be written ({error.strerror}): new rows are kept in memory, "
            f"at most {MOST_HELD} of them. Mend its rights or free its disk.",
        )

    # -- putting in ---------------------------------------------------------------------------

    def append(self, columns: list[str], layout: str, row: Row, *, live: bool, extras: dict[str, Any]) -> None:
        """Keep one row; `live` ones are sent alone at once, others may be sent many together later."""
        with self.lock:
            self._make_room()
            # While memory overflows each row costs another: told once, when that is over.
            news = self.dropped - self.told if len(self.held) < MOST_HELD else 0
            if news:
                extras = {**extras, "events": [*extras.get("events", []), _loss(row[0], news, self)]}
            self.layouts[layout] = columns
            seq = self._next_seq() if live else None
            self.newest = None
            try:
                self._settle_in()
                self._write_row(layout, {"b": self.boot, "s": seq, "l": layout, "r": row, "x": extras})
            except OSError as error:
                self._hold(columns, layout, row, extras, seq, error)
            if news:
                self.told += news
                self._save()

    def _settle_in(self) -> None:
        """What is held in memory goes to the disk as soon as it takes it, before anything newer."""
        if self.writer is None and time.monotonic() - self.tried_at >= BETWEEN_TRIES:
            with contextlib.suppress(Trouble):  # another agent has it by now
                self._open()
        self._writing()
        while self.held:
            one = self.held[0]
            record = {"b": one.boot, "s": one.seq, "l": one.layout, "r": one.rows[0], "x": one.extras}
            self._write_row(one.layout, record)
            one.numbers = [self.next - 1]  # it may be on its way just now
            del self.held[0]
            if not self.held:
                say("spool", "The spool is written again.")

    def _writing(self) -> Writer:
        if self.writer is None:
            raise OSError(errno.EROFS, "not writable")
        return self.writer

    def _hold(
        self, columns: list[str], layout: str, row: Row, extras: dict[str, Any], seq: int | None, error: OSError
    ) -> None:
        if self.writer is not None:
            self._complain(error)
        one = self.newest = Batch(self.boot, seq or self._next_seq(), layout, columns, [row])
        one.extras = extras
        self.held.append(one)
        if len(self.held) > MOST_HELD:
            self._count(self.held.pop(0).rows)

    def _count(self, rows: list[Row]) -> None:
        self.dropped += len(rows)
        self.samples += sum(_values(row) for row in rows)

    def _write_row(self, layout: str, record: dict[str, Any]) -> None:
        segment, writer = self._segment(), self._writing()
        if layout not in segment.layouts:
            writer.append(_pack("L", {"layout": layout, "columns": self.layouts[layout]}))
            segment.layouts.add(layout)
        segment.offsets.append(writer.append(_pack("R", record)))
        segment.size = writer.size
        self.next = segment.end

    def _next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def sync(self) -> None:
        """Down to the disk itself; called outside the lock, because a busy disk takes its time."""
        with contextlib.suppress(OSError):
            if self.writer:
                self.writer.sync()

    # -- taking out ---------------------------------------------------------------------------

    def take(self, *, past: bool = True) -> Batch | None:
        """What should be sent next: the newest row first, then the past from its beginning if it may be now."""
        with self.lock:
            if self.newest:
                return self.newest
            while self.segments:
                newest = self.next - 1
                number = newest
                if self.held or newest in self.acked:
                    number = self.acked.after(self.segments[0].first)
                    if not past:
                        return None
                if number < self.segments[0].first or number >= self.next:
                    break
                batch = self._batch(number, alone=number == newest and not self.held)
                if batch:
                    return batch
            return self.held[0] if self.held and past else None

    def _batch(self, number: int, *, alone: bool) -> Batch | None:
        record = self._read(number)
        if record is None:
            self._lose(number)
            return None
        if record["s"] is not None:
            return self._build(record["b"], record["s"], [number])
        identity = self.joined.get(number) or self._join(number, record["l"], 1 if alone else self._most())
        return self._build(identity["b"], identity["s"], identity["n"])

    def _most(self) -> int:
        return max(MOST_ROWS, min(LARGEST_BATCH, self.waiting() // 2))

    def _join(self, number: int, layout: str, most: int) -> dict[str, Any]:
        """Give rows without an identity one, durably, before anybody hears of it."""
        numbers = [number]
        end = self._holding(number).end
        for other in range(number + 1, min(end, number + most)):
            record = self._read(other)
            if record is None or record["s"] is not None or record["l"] != layout:
                break
            if other in self.acked or other in self.joined:
                break
            numbers.append(other)
        return self._identify(numbers)

    def _identify(self, *parts: list[int]) -> dict[str, Any]:
        """An identity for each part, on disk; answers the first. A later record wins over an earlier one."""
        identities: list[dict[str, Any]] = [
            {"b": self.boot, "s": self._next_seq(), "n": numbers} for numbers in parts
        ]
        try:
            writer = self._writing()
            for identity in identities:
                writer.append(_pack("B", identity))
            writer.sync()
        except OSError as error:
            # Sent all the same: on a full disk a doubled row after a crash is the smaller harm.
            if self.writer is not None:
                self._complain(error)
        for identity in identities:
            self.joined.update(dict.fromkeys(identity["n"], identity))
        return identities[0]

    def _build(self, boot: str, seq: int, numbers: list[int]) -> Batch | None:
        rows: list[Row] = []
        found: list[int] = []
        extras: dict[str, Any] = {}
        layout = ""
        for number in numbers:
            record = self._read(number)
            if record is None:
                self._lose(number)
                continue
            layout = record["l"]
            rows.append(record["r"])
            found.append(number)
            for key, value in record["x"].items():
                extras[key] = [*extras.get(key, []), *value] if isinstance(value, list) else value
        if not rows or layout not in self.layouts:
            for number in numbers:
                self._lose(number)
            return None
        batch = Batch(boot, seq, layout, self.layouts[layout], rows)
        batch.extras, batch.numbers = extras, found
        return batch

    def _read(self, number: int) -> dict[str, Any] | None:
        segment = self._holding(number)
        if number >= segment.end:  # the file is damaged from here on
            return None
        try:
            payload = read_at(segment.path, segment.offsets[number - segment.first])
        except OSError:
            return None
        return json.loads(payload[1:]) if payload else None

    def _holding(self, number: int) -> Segment:
        return next(segment for segment in reversed(self.segments) if segment.first <= number)

    def _lose(self, number: int) -> None:
        """A row that the disk gave back damaged: counted like one that a cap dropped, as wide as its neighbours."""
        if number not in self.acked:
            self.acked.add(number)
            self.dropped += 1
            self.samples += len(next(reversed(self.layouts.values()), []))

    def settle(self, batch: Batch) -> None:
        """The hub has it: it is not sent again."""
        with self.lock:
            self.held = [one for one in self.held if one is not batch]
            self.newest = None if batch is self.newest else self.newest
            for number, row in zip(batch.numbers, batch.rows):
                if number >= self._first():
                    self.acked.add(number)
                elif self.dropped > self.told:  # dropped while it was on its way, and it arrived
                    self.dropped -= 1
                    self.samples -= _values(row)
            if time.monotonic() - self.saved_at >= SAVE_EVERY:
                self._save()

    def recall(self) -> int:
        """All that is kept counts as unsent again, under the same identities, for a hub that lost it."""
        with self.lock:
            before = self.waiting()
            # Numbers between two files were lost or never written: there is nothing to send again.
            gaps = [[one.end, two.first - 1] for one, two in zip(self.segments, self.segments[1:])]
            self.acked = Ranges([gap for gap in gaps if gap[0] <= gap[1]])
            for segment in self.segments:
                segment.settled = None
            return self.waiting() - before

    def refused(self, batch: Batch) -> None:
        """The hub never wants it: lost, and counted."""
        with self.lock:
            self.settle(batch)
            self._count(batch.rows)

    def halve(self, batch: Batch) -> None:
        """The hub took nothing of it, as it is too large: its rows go out in two parts, each with its own number."""
        with self.lock:
            middle = len(batch.numbers) // 2
            self._identify(batch.numbers[:middle], batch.numbers[middle:])

    # -- counting and forgetting --------------------------------------------------------------

    def waiting(self) -> int:
        """How many rows the hub does not have yet."""
        with self.lock:
            first = self._first()
            return self.next - first - self.acked.count(first, self.next - 1) + len(self.held)

    def _first(self) -> int:
        return self.segments[0].first if self.segments else self.next

    def size(self) -> Number:
        return sum(segment.size for segment in self.segments)

    def _make_room(self) -> None:
        """Forget files that are settled for ten minutes, and the oldest beyond the caps."""
        now = time.monotonic()
        for segment in self.segments[:-1]:
            if segment.settled is None and self.acked.after(segment.first) >= segment.end:
                segment.settled = now
        while len(self.segments) > 1:
            oldest = self.segments[0]
            done = oldest.settled is not None and now - oldest.settled >= KEEP
            # The next file's birth is the time of this one's last row.
            too_old = now - self.segments[1].born > self.limits.age
            if not (done or too_old or self.size() > self.limits.size):
                return
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        oldest = self.segments.pop(0)
        lost = len(oldest.offsets) - self.acked.count(oldest.first, oldest.end - 1)
        if lost:
            self._count_lost(oldest, lost)
            say("spool caps", f"The spool is full: {self.dropped} rows were dropped, the oldest first.")
        self.acked.forget_below(oldest.end)
        self.joined = {number: one for number, one in self.joined.items() if number >= oldest.end}
        used = {one.layout for one in self.held}.union(*(segment.layouts for segment in self.segments))
        self.layouts = {layout: columns for layout, columns in self.layouts.items() if layout in used}
        self._save()
        with contextlib.suppress(OSError):
            os.unlink(oldest.path)

    def _count_lost(self, segment: Segment, lost: int) -> None:
        """To the value, as far as the disk gives the rows back."""
        self.dropped += lost
        number, width = segment.first, 0
        with contextlib.suppress(OSError):
            for _, payload in records(segment.path):
                if payload[:1] == b"R":
                    if number not in self.acked:
                        width = _values(json.loads(payload[1:])["r"])
                        self.samples += width
                        lost -= 1
                    number += 1
        self.samples += lost * width

    # -- files --------------------------------------------------------------------------------

    def _segment(self) -> Segment:
        """The file to write to, a new one when it is big or old enough."""
        current = self.segments[-1]
        aged = time.monotonic() - current.born >= self.limits.segment_age
        if current.offsets and (aged or current.size >= self.limits.segment_size):
            full = self.writer
            self._begin(self.next)
            if full:
                full.close()
        return self.segments[-1]

    def _begin(self, first: int) -> None:
        path = f"{self.folder}/{first:016d}.spool"
        self.writer = Writer(path)
        self.segments.append(Segment(path, first))

    def _recover(self) -> None:
        """What an earlier life left, and what was counted since because it could not be reached."""
        counted = self.dropped, self.samples, self.told
        try:
            self._read_folder()
        except OSError:
            self.segments, self.joined, self.next = [], {}, 1
            self.dropped, self.samples, self.told = counted
            raise
        self.dropped, self.samples, self.told = (
            self.dropped + counted[0], self.samples + counted[1], self.told + counted[2],
        )  # fmt: skip
        self.recovered = True

    def _read_folder(self) -> None:
        """All files in their order; a torn end is cut off, and never more than that."""
        self._load()
        names = sorted(name for name in os.listdir(self.folder) if name.endswith(".spool"))
        names = [name for name in names if name[:-6].isdigit()]
        # Ages between files, not against a clock that may have jumped while nobody ran.
        youngest = max((os.path.getmtime(f"{self.folder}/{name}") for name in names), default=0.0)
        for name in names:
            self._recover_segment(f"{self.folder}/{name}", int(name[:-6]), youngest)

    def _go_on(self) -> None:
        """Open a file to write to, behind all that was read."""
        # Rows cut off after the hub had them: their numbers must not come again.
        first = max(self.next, self.acked.pairs[-1][1] + 1 if self.acked.pairs else 1)
        last = self.segments[-1] if self.segments else None
        if last and not last.offsets and last.first == first:
            # It may hold what was said about earlier rows: go on in it, never over it.
            self.writer = Writer(last.path, last.size)
        else:
            self._bridge(first, lost=False)
            self._begin(first)
        self.acked.forget_below(self.segments[0].first)

    def _recover_segment(self, path: str, first: int, youngest: float) -> None:
        if self.segments:
            self._bridge(first, lost=True)
        self.next = first
        age = youngest - os.path.getmtime(path)
        segment = Segment(path, first, min(age, CREDITED * self.limits.age))
        size = os.path.getsize(path)
        segment.size = min(size, len(MAGIC)) // len(MAGIC) * len(MAGIC)
        for offset, payload in records(path):
            segment.size = offset + HEAD.size + len(payload)
            self._recover_record(segment, offset, payload)
        self.next = segment.end
        if size > segment.size:
            os.truncate(path, segment.size)
        self.segments.append(segment)

    def _recover_record(self, segment: Segment, offset: int, payload: bytes) -> None:
        if payload[:1] == b"R":
            segment.offsets.append(offset)
            return
        document = json.loads(payload[1:])
        if payload[:1] == b"L":
            self.layouts[document["layout"]] = document["columns"]
            segment.layouts.add(document["layout"])
        elif payload[:1] == b"B":
            self.joined.update(dict.fromkeys(document["n"], document))

    def _bridge(self, first: int, *, lost: bool) -> None:
        """Numbers below `first` that no file holds any more are settled; damage is counted."""
        for number in range(self.next, first):
            if number not in self.acked:
                self.acked.add(number)
                self.dropped += lost
        self.next = max(self.next, first)

    def _load(self) -> None:
        try:
            with open(f"{self.folder}/position", encoding="utf-8") as file:
                state = json.load(file)
            self.acked = Ranges([[int(first), int(last)] for first, last in state["acked"]])
            self.dropped, self.told = int(state["dropped"]), int(state["told"])
            self.samples = int(state.get("samples", 0))
        except (OSError, ValueError, KeyError, TypeError):
            # Sent again, then: under the same identities, so the hub takes nothing twice.
            self.acked = Ranges()

    def _save(self) -> None:
        """The acknowledged position, replaced whole. Not synced: an older one only means sending again."""
        self.saved_at = time.monotonic()
        if not self.recovered:  # what an earlier life left there was not read yet
            return
        state = {"acked": self.acked.pairs, "dropped": self.dropped, "told": self.told, "samples": self.samples}
        path = f"{self.folder}/position"
        try:
            with open(path + ".part", "w", encoding="utf-8") as file:
                json.dump(state, file)
            os.replace(path + ".part", path)
        except OSError as error:
            self._complain(error)

    def close(self) -> None:
        with self.lock:
            with contextlib.suppress(OSError):
                self._settle_in()
            self._save()
            with contextlib.suppress(OSError):
                if self.writer:
                    self.writer.close()


def _pack(kind: str, document: dict[str, Any]) -> bytes:
    return kind.encode() + json.dumps(document, separators=(",", ":")).encode()


def _values(row: Row) -> int:
    return sum(value is not None for value in row[1:])


def _loss(at: float, rows: int, spool: Spool) -> dict[str, Any]:
    text = f"The agent's spool was full or damaged: {rows} rows were lost before they could be sent."
    fields = {"rows": rows, "total": spool.dropped, "samples_total": spool.samples}
    return {"t": at, "kind": "rows_lost", "text": text, "fields": fields}
