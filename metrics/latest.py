"""The newest row of each server, in memory; flushed now and then, mended from the journal at start."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import islice
from math import isnan

import numpy as np
from django.db import transaction

from core.clock import milliseconds
from metrics import blob, damaged
from metrics.layouts import Known
from metrics.models import JournalRow, Latest, living

CLOCK_SET = 600_000  # what is ahead by more was received by a clock that was set back since
MOST_OWN = 100  # layouts of ours that are remembered of a server


@dataclass(slots=True)
class Newest:
    """What a server said last, and when we got it."""

    layout: Known
    received: int
    at: int
    values: blob.Values

    def value(self, column: str) -> float | None:
        place = self.layout.place.get(column)
        found = float(self.values[place]) if place is not None else float("nan")
        return None if np.isnan(found) else found


class LatestRows:
    def __init__(self) -> None:
        self.rows: dict[int, Newest] = {}
        self.dirty: set[int] = set()
        self.own: dict[int, dict[int, Newest]] = {}
        """What we found out ourselves, by server and layout: it says nothing of when we heard the machine."""
        self.own_columns: set[str] = set()
        self.lock = threading.Lock()

    def take(self, server: int, layout: Known, received: int, times: blob.Times, values: blob.Values) -> None:
        """What this process stored: learnt, and to be written by its next flush."""
        self.learn(server, layout, received, times, values)
        self.dirty.add(server)

    def learn(self, server: int, layout: Known, received: int, times: blob.Times, values: blob.Values) -> None:
        """Move a server forward: the receive time always, the values only to a newer sample."""
        last = int(times.argmax()) if len(times) > 1 else 0
        at = int(times[last])
        row = self.rows.get(server)
        if row is not None and received < row.received <= received + CLOCK_SET:
            received = row.received
        if row is None or at >= row.at:
            self.rows[server] = Newest(layout, received, at, values[last].copy())  # not the whole post
        else:
            row.received = received

    def take_own(self, server: int, layout: Known, received: int, times: blob.Times, values: blob.Values) -> None:
        """Not written down: what is found out comes again."""
        mine = self.own.setdefault(server, {})
        last = int(times.argmax())
        if layout.id not in mine:
            self.own_columns.update(layout.columns)
        before = mine.pop(layout.id, None)
        if before is not None and before.at > int(times[last]):
            mine[layout.id] = before
        else:
            mine[layout.id] = Newest(layout, received, int(times[last]), values[last].copy())
        if len(mine) > MOST_OWN:
            del mine[next(iter(mine))]

    def own_value(self, server: int, column: str) -> tuple[int, float] | None:
        """The newest of one column of ours: when, and what."""
        found: tuple[int, float] | None = None
        for row in tuple(self.own.get(server, {}).values()):
            place = row.layout.place.get(column)
            if place is not None and (found is None or row.at >= found[0]):
                value = float(row.values[place])
                found = found if isnan(value) else (row.at, value)
        return found

    def get(self, server: int) -> Newest | None:
        return self.rows.get(server)

    def flush(self, most: int = 10_000) -> None:
        """Write what changed, by one statement: at most so many servers, as others wait meanwhile."""
        with self.lock:
            changed = set(islice(self.dirty, most))
            if not changed:
                return
            self.dirty -= changed
            try:
                gone = _write({server: self.rows[server] for server in sorted(changed)})
            except Exception:
                self.dirty |= changed
                raise
            for server in gone:
                del self.rows[server]

    def mend(self) -> None:
        """At start: read the table, then what the journal has beyond it."""
        self.refresh()
        newest = Latest.objects.order_by("-received").values_list("received", flat=True).first() or 0
        # A flush is at most half a minute old; go back further, and to the beginning if the clock was set back.
        begin = 0 if newest > milliseconds() else newest - 120_000
        alive = living()
        for row in JournalRow.objects.all().since(begin).order_by("pk").iterator(chunk_size=50):
            if row.server_id not in alive:
                continue
            found = damaged.row(row.pk, row.layout_id, row.rows)
            if found is not None:
                take = self.take_own if row.own else self.take
                take(row.server_id, found[0], row.received, *found[1:])

    def refresh(self) -> None:
        """Take over what other processes flushed and is newer than what we hold."""
        for row in Latest.objects.all().iterator():
            mine = self.rows.get(row.server_id)
            if mine is None or row.received > mine.received:
                found = damaged.newest(row.server_id, row.layout_id, row.values)
                if found is not None:
                    self.rows[row.server_id] = Newest(found[0], row.received, row.at, found[1])


@transaction.atomic
def _write(rows: dict[int, Newest]) -> set[int]:
    """Save the rows of servers that are still there; the others are given back."""
    alive = living(rows)
    Latest.objects.bulk_create(
        (
            Latest(
                server_id=server, layout_id=row.layout.id, received=row.received, at=row.at,
                values=row.values.astype("<f8").tobytes(),
            )
            for server, row in rows.items() if server in alive
        ),
        update_conflicts=True, unique_fields=["server"], update_fields=["layout", "received", "at", "values"],
    )  # fmt: skip
    return rows.keys() - alive


latest = LatestRows()
