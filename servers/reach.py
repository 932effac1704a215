"""Whether servers can be reached, by when we received something; our own absence is never theirs.

Ages are counted on the monotonic clock from the moment a new report was seen, so that a jump of the hub's clock
makes nobody late. After an absence of our own the state before it stands until machines had time to drain.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import pairwise

from servers.models import reach

GAP = 15.0
"""Silence of everybody that is ours: a start after it, or a process that stood still."""
DRAIN = 90.0
EVERY = 5.0

Mark = tuple[int, int]  # received, sample time: milliseconds
Marks = Callable[[], dict[int, Mark]]


@dataclass(slots=True)
class Seen:
    """The newest report of a server as this process saw it."""

    mark: Mark
    at: float  # on the monotonic clock
    looked: float


class Watch:
    """What this process knows of who reports; `step` is a loop's, `state` anybody's."""

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        self.monotonic, self.wall = monotonic, wall
        self.lock = threading.Lock()
        self.seen: dict[int, Seen] = {}
        self.back_at = float("-inf")
        """When our last absence ended."""
        self.left_at = float("-inf")
        """When it began."""
        self.stepped: float | None = None

    def begin(self, marks: dict[int, Mark], received: Collection[int] = ()) -> None:
        """At a start: how long nobody was heard, so how long we all were away.

        `received` are the moments of the last reports, since others may have come back before us and taken some.
        """
        at, wall = self.monotonic(), self.wall()
        for server, mark in marks.items():
            self._look(server, mark, at)
        heard = sorted({moment / 1000 for moment in (*received, *(mark[0] for mark in marks.values()))})
        for before, after in pairwise([*heard, wall]):
            if after - before > GAP and wall - after <= DRAIN:
                self.left_at, self.back_at = at - (wall - before), at - max(0.0, wall - after)
        self.stepped = at

    def step(self, marks: dict[int, Mark], *, well: bool = True) -> None:
        """Every few seconds. A step that comes late, or a store that takes nothing, is an absence of ours."""
        at = self.monotonic()
        if self.stepped is not None and (at - self.stepped > EVERY + GAP or not well):
            if self.back_at < self.stepped - EVERY:
                self.left_at = self.stepped
            self.back_at = at
        for server in self.seen.keys() - marks.keys():
            self.seen.pop(server, None)
        for server, mark in marks.items():
            self._look(server, mark, at)
        self.stepped = at

    def state(self, server: int, mark: Mark | None, interval: int, *, paused: bool) -> tuple[str, bool]:
        """The word for its reach, and whether it still waits for a report since we were away."""
        if mark is None or paused:
            return reach(None if mark is None else 0.0, interval, paused=paused), False
        age, waiting = self.silence(server, mark, interval)
        return reach(age, interval), waiting

    def silence(self, server: int, mark: Mark, interval: int) -> tuple[float, bool]:
        """Seconds of its own silence, ours left out, and whether it still waits for a report since we were away."""
        at = self.monotonic()
        heard = self._look(server, mark, at)
        if heard >= self.back_at or at - self.back_at > max(2.0 * interval, DRAIN):
            return at - heard, False
        return max(0.0, self.left_at - heard), True

    def away(self) -> bool:
        """Whether we came back so lately that machines may still be sending what they kept."""
        return self.monotonic() - self.back_at <= DRAIN

    def _look(self, server: int, mark: Mark, at: float) -> float:
        """When it was last heard, on the monotonic clock."""
        with self.lock:
            known = self.seen.get(server)
            if known is None:
                age = max(0.0, self.wall() - mark[0] / 1000)
                known = self.seen[server] = Seen(mark, at - age, at)
            elif known.mark != mark:
                # It came between the last look and now, whatever the clock on the wall says.
                age = min(max(0.0, self.wall() - mark[0] / 1000), at - known.looked)
                known.mark, known.at = mark, at - age
            known.looked = at
            return known.at


watch = Watch()
