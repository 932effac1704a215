"""Rows on disk until the hub has them: they survive kill -9, power cuts and a hub that is away for a day.

Every row has a number that never comes again. A row taken while the hub answers has its batch identity
(boot, seq) from the beginning; rows taken while it is away get one later, many together, by a record of
their own written before they are first sent. So the same rows always go out under the same identity,
also after a crash between sending and hearing the answer.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import threading
import time
from typing import Any

from watchkeeper_agent.errors import Trouble, say
from watchkeeper_agent.sample import Number
from watchkeeper_agent.segments import HEAD, MAGIC, Ranges, Writer, read_at, records

Row = list[Any]  # [time, value or None, ...]
MOST_ROWS = 60
KEEP = 600.0  # acknowledged rows stay ten minutes more, for a hub that lost its last moments
SAVE_EVERY = 10.0


class Batch:
    """What one post carries; `numbers` are the rows it settles."""

    def __init__(self, boot: str, seq: int, layout: str, columns: list[str], rows: list[Row]) -> None:
        self.boot = boot
        self.seq = seq
        self.layout = layout
        self.columns = columns
        self.rows = rows
        self.extras: dict[str, Any] = {}
        self.numbers: list[int] = []


class Segment:
    """One file: rows `first` to `first + len(offsets) - 1`, and what was said about earlier ones."""

    def __init__(self, path: str, first: int, age: float = 0.0) -> None:
        self.path = path
        self.first = first
        self.offsets = array.array("Q")
        self.layouts: set[str] = set()
        self.size = 0
        self.born = time.monotonic() - age
        self.settled: float | None = None

    @property
    def end(self) -> int:
        return self.first + len(self.offsets)


class Limits:
    """The caps, and how big and old one file grows before the next is begun."""

    def __init__(
        self, size: int = 64 << 20, age: float = 86_400.0, segment_size: int = 1 << 20, segment_age: float = 600.0
    ) -> None:
        self.size = size
        self.age = age
        self.segment_size = segment_size
        self.segment_age = segment_age


class Spool:
    """Appended to by the loop, emptied by the courier; both may call at any time."""

    def __init__(self, folder: str, limits: Limits | None = None) -> None:
        self.folder = folder
        self.limits = limits or Limits()
        self.boot = os.urandom(16).hex()  # a new one each start, so seq may begin at 1 and never repeats
        self.seq = 0
        self.lock = threading.RLock()
        self.segments: list[Segment] = []
        self.writer: Writer
        self.layouts: dict[str, list[str]] = {}
        self.joined: dict[int, dict[str, Any]] = {}
        self.unsaved: Batch | None = None
        self.acked = Ranges()
        self.dropped = 0
        self.told = 0
        self.saved_at = time.monotonic()
        self.next = 1
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103 - pathlib costs memory
            self._recover()
        except OSError as error:
            raise Trouble(f"The spool folder {folder} cannot be used ({error.strerror}). Mend its rights.") from error

    # -- putting in ---------------------------------------------------------------------------

    def append(self, columns: list[str], layout: str, row: Row, *, live: bool, extras: dict[str, Any]) -> None:
        """Keep one row; `live` ones are sent alone at once, others may be sent many together later."""
        with self.lock:
            self._make_room()
            news = self.dropped - self.told
            if news:
                extras = {**extras, "events": [*extras.get("events", []), _loss(row[0], news, self.dropped)]}
            self.layouts[layout] = columns
            seq = self._next_seq() if live else None
            try:
                self._write_row(layout, {"b": self.boot, "s": seq, "l": layout, "r": row, "x": extras})
            except OSError as error:
                say("spool", f"The spool cannot be written ({error.strerror}); rows are kept in memory one by one.")
                self._keep_in_memory(columns, layout, row, extras, seq)
                return
            if self.unsaved:
                say("spool", "The spool is written again.")
            if news:
                self.told = self.dropped
                self._save()

    def _write_row(self, layout: str, record: dict[str, Any]) -> None:
        segment = self._segment()
        if layout not in segment.layouts:
            self.writer.append(_pack("L", {"layout": layout, "columns": self.layouts[layout]}))
            segment.layouts.add(layout)
        segment.offsets.append(self.writer.append(_pack("R", record)))
        segment.size = self.writer.size
        self.next = segment.end

    def _keep_in_memory(
        self, columns: list[str], layout: str, row: Row, extras: dict[str, Any], seq: int | None
    ) -> None:
        """A full disk is what the hub must hear of most: the newest row still goes out."""
        if self.unsaved:
            self.dropped += len(self.unsaved.rows)
        self.unsaved = Batch(self.boot, seq or self._next_seq(), layout, columns, [row])
        self.unsaved.extras = extras

    def _next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def sync(self) -> None:
        """Down to the disk itself; called outside the lock, because a busy disk takes its time."""
        with contextlib.suppress(OSError):
            self.writer.sync()

    # -- taking out ---------------------------------------------------------------------------

    def take(self) -> Batch | None:
        """What should be sent next: the newest row first, then the past from its beginning."""
        with self.lock:
            if self.unsaved:
                return self.unsaved
            while self.segments:
                newest = self.next - 1
                number = newest if newest not in self.acked else self.acked.after(self.segments[0].first)
                if number < self.segments[0].first or number >= self.next:
                    return None
                batch = self._batch(number, alone=number == newest)
                if batch:
                    return batch
            return None

    def _batch(self, number: int, *, alone: bool) -> Batch | None:
        record = self._read(number)
        if record is None:
            self._lose(number)
            return None
        if record["s"] is not None:
            return self._build(record["b"], record["s"], [number])
        identity = self.joined.get(number) or self._join(number, record["l"], 1 if alone else MOST_ROWS)
        return self._build(identity["b"], identity["s"], identity["n"])

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
            for identity in identities:
                self.writer.append(_pack("B", identity))
            self.writer.sync()
        except OSError as error:
            # Sent all the same: on a full disk a doubled row after a crash is the smaller harm.
            say("spool", f"The spool cannot be written ({error.strerror}).")
        for identity in identities:
            self.joined.update(dict.fromkeys(identity["n"], identity))
        return identities[0]

    def _build(self, boot: str, seq: int, numbers: list[int]) -> Batch | None:
        rows: list[Row] = []
        extras: dict[str, Any] = {}
        layout = ""
        for number in numbers:
            record = self._read(number)
            if record is None:
                self._lose(number)
                continue
            layout = record["l"]
            rows.append(record["r"])
            for key, value in record["x"].items():
                extras[key] = [*extras.get(key, []), *value] if isinstance(value, list) else value
        if not rows or layout not in self.layouts:
            for number in numbers:
                self._lose(number)
            return None
        batch = Batch(boot, seq, layout, self.layouts[layout], rows)
        batch.extras, batch.numbers = extras, numbers
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
        """A row that the disk gave back damaged: counted like one that a cap dropped."""
        if number not in self.acked:
            self.acked.add(number)
            self.dropped += 1

    def settle(self, batch: Batch) -> None:
        """The hub has it: it is not sent again."""
        with self.lock:
            if batch is self.unsaved:
                self.unsaved = None
            for number in batch.numbers:
                if number < self.segments[0].first:  # dropped while it was on its way, and it arrived
                    self.dropped = max(self.told, self.dropped - 1)
                else:
                    self.acked.add(number)
                self.joined.pop(number, None)
            if time.monotonic() - self.saved_at >= SAVE_EVERY:
                self._save()

    def refused(self, batch: Batch) -> None:
        """The hub never wants it: lost, and counted."""
        with self.lock:
            self.settle(batch)
            self.dropped += len(batch.rows)

    def halve(self, batch: Batch) -> None:
        """The hub took nothing of it, as it is too large: its rows go out in two parts, each with its own number."""
        with self.lock:
            middle = len(batch.numbers) // 2
            self._identify(batch.numbers[:middle], batch.numbers[middle:])

    # -- counting and forgetting --------------------------------------------------------------

    def waiting(self) -> int:
        """How many rows the hub does not have yet."""
        with self.lock:
            first = self.segments[0].first if self.segments else self.next
            return self.next - first - self.acked.count(first, self.next - 1) + (1 if self.unsaved else 0)

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
            self.dropped += lost
            say("spool caps", f"The spool is full: {self.dropped} rows were dropped, the oldest first.")
        self.acked.forget_below(oldest.end)
        self.joined = {number: one for number, one in self.joined.items() if number >= oldest.end}
        self._save()
        with contextlib.suppress(OSError):
            os.unlink(oldest.path)  # noqa: PTH108 - pathlib costs memory

    # -- files --------------------------------------------------------------------------------

    def _segment(self) -> Segment:
        """The file to write to, a new one when it is big or old enough."""
        current = self.segments[-1]
        aged = time.monotonic() - current.born >= self.limits.segment_age
        if current.offsets and (aged or self.writer.size >= self.limits.segment_size):
            full = self.writer
            self._begin(self.next)
            full.close()
        return self.segments[-1]

    def _begin(self, first: int) -> None:
        path = f"{self.folder}/{first:016d}.spool"
        self.writer = Writer(path)
        self.segments.append(Segment(path, first))

    def _recover(self) -> None:
        """Read what an earlier life left; a torn end is cut off, and never more than that."""
        self._load()
        for name in sorted(os.listdir(self.folder)):  # noqa: PTH208 - pathlib costs memory
            if name.endswith(".spool") and name[:-6].isdigit():
                self._recover_segment(f"{self.folder}/{name}", int(name[:-6]))
        last = self.segments[-1] if self.segments else None
        if last and not last.offsets:
            # It may hold what was said about earlier rows: go on in it, never over it.
            self.writer = Writer(last.path, last.size)
        else:
            # Rows cut off after the hub had them: their numbers must not come again.
            first = max(self.next, self.acked.pairs[-1][1] + 1 if self.acked.pairs else 1)
            self._bridge(first, lost=False)
            self._begin(first)
        self.acked.forget_below(self.segments[0].first)
        self.joined = {number: one for number, one in self.joined.items() if number not in self.acked}

    def _recover_segment(self, path: str, first: int) -> None:
        if self.segments:
            self._bridge(first, lost=True)
        self.next = first
        segment = Segment(path, first, max(0.0, time.time() - os.path.getmtime(path)))  # noqa: PTH204
        size = os.path.getsize(path)  # noqa: PTH202
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
            with open(f"{self.folder}/position", encoding="utf-8") as file:  # noqa: PTH123
                state = json.load(file)
            self.acked = Ranges([[int(first), int(last)] for first, last in state["acked"]])
            self.dropped, self.told = int(state["dropped"]), int(state["told"])
        except (OSError, ValueError, KeyError, TypeError):
            # Sent again, then: under the same identities, so the hub takes nothing twice.
            self.acked = Ranges()

    def _save(self) -> None:
        """The acknowledged position, replaced whole. Not synced: an older one only means sending again."""
        self.saved_at = time.monotonic()
        state = {"acked": self.acked.pairs, "dropped": self.dropped, "told": self.told}
        path = f"{self.folder}/position"
        try:
            with open(path + ".part", "w", encoding="utf-8") as file:  # noqa: PTH123
                json.dump(state, file)
            os.replace(path + ".part", path)  # noqa: PTH105
        except OSError as error:
            say("spool", f"The spool cannot be written ({error.strerror}).")

    def close(self) -> None:
        with self.lock:
            self._save()
            with contextlib.suppress(OSError):
                self.writer.close()


def _pack(kind: str, document: dict[str, Any]) -> bytes:
    return kind.encode() + json.dumps(document, separators=(",", ":")).encode()


def _loss(at: float, rows: int, total: int) -> dict[str, Any]:
    text = f"The agent's spool was full or damaged: {rows} rows were lost before they could be sent."
    return {"t": at, "kind": "rows_lost", "text": text, "fields": {"rows": rows, "total": total}}
