"""What was judged and is not written yet: at once where it may matter now, else a minute's values in one row."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from metrics.services import Found, Late, Stored, TooManySeries, put_all

log = logging.getLogger(__name__)

COLUMNS = ("anomaly_score", "anomaly_rate_percent")
HOT = 0.8  # from this score on a rule may hang on the next point
COOLS = 60_000  # and for so long after it
HELD = 49_000  # six points of ten seconds
LONGEST = 60.0
AT_ONCE = 500
WAIT = 10.0


@dataclass(slots=True)
class Waiting:
    """One server's values that wait, and the journal row of the first."""

    first: int
    began: int
    since: float
    """When its first came here, by a clock that nobody sets."""
    times: list[int] = field(default_factory=list)
    values: list[tuple[float, float]] = field(default_factory=list)


class Outbox:
    def __init__(self, watched: Callable[[int], bool]) -> None:
        self.watched = watched
        """Whether somebody looks at this server now."""
        self.monotonic: Callable[[], float] = time.monotonic
        self.waiting: dict[int, Waiting] = {}
        self.hot: dict[int, int] = {}
        """Until when each server's points are written at once."""
        self.rows = self.points = 0
        self.late: Stored | None = None
        """What was not stored in time, and may be stored yet."""

    def unsettled(self) -> bool:
        """Whether a commit goes on: what it stores has a verdict, which must be known before we judge anew."""
        return self.late is not None and not self.late.settled()

    def clear(self) -> None:
        self.waiting.clear()

    def take(self, server: int, row: int, at: int, score: float, rate: float) -> None:
        mine = self.waiting.get(server)
        if mine is None:
            mine = self.waiting[server] = Waiting(row, at, self.monotonic())
        mine.times.append(at)
        mine.values.append((score, rate))
        if score >= HOT:
            self.hot[server] = at + COOLS

    def flush(self, guard: Callable[[], bool], *, all_of_it: bool = False) -> None:
        """Write what is due; what could not be written stays, and its rows are read again later."""
        due = [server for server, one in self.waiting.items() if all_of_it or self._due(server, one)]
        for place in range(0, len(due), AT_ONCE):
            self._write(due[place : place + AT_ONCE], guard)

    def _due(self, server: int, one: Waiting) -> bool:
        newest = one.times[-1]
        # Nothing may come after it, and the cursor stays before it.
        if newest - one.began >= HELD or self.monotonic() - one.since >= LONGEST:
            return True
        until = self.hot.get(server)
        if until is not None and newest <= until:
            return True
        return self.watched(server)

    def _write(self, servers: Iterable[int], guard: Callable[[], bool]) -> None:
        chosen = {server: self.waiting[server] for server in servers}
        try:
            self._put([_found(server, one) for server, one in chosen.items()], guard)
        except TooManySeries:
            self._write_those_that_fit(chosen, guard)
        for server, one in chosen.items():
            del self.waiting[server]
            self.rows += 1
            self.points += len(one.times)

    def _write_those_that_fit(self, chosen: dict[int, Waiting], guard: Callable[[], bool]) -> None:
        """One server with too many series of ours must not hold up the others."""
        for server, one in chosen.items():
            try:
                self._put([_found(server, one)], guard)
            except TooManySeries as fault:
                log.warning("A score is not kept: %s", fault)

    def _put(self, found: list[Found], guard: Callable[[], bool]) -> None:
        try:
            put_all(found, wait=WAIT, guard=guard)
        except Late as late:
            self.late = late.stored
            raise

    def first(self) -> int | None:
        """The oldest journal row of which something waits: the cursor stays before it."""
        return min((one.first for one in self.waiting.values()), default=None)


def _found(server: int, one: Waiting) -> Found:
    return Found(server, COLUMNS, one.times, one.values)
