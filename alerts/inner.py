"""Two small series that the hub finds out itself, once a minute: clocks that are off, and agents that are old.

They are judged like any other and not stored: what they say is no more than what stands in the server's row.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from alerts.compiled import Book
from alerts.sieve import Block
from metrics.journal import Row
from metrics.store import Known, layout_hash, layouts

SKEW, OUTDATED = "clock_skew_seconds", "agent_outdated"
COLUMNS = [OUTDATED, SKEW]
EVERY = 60.0
OLD = 3_600_000  # what is sent so late was kept by the machine, or imported: it says nothing of its clock


class Inner:
    """What posts tell of clocks between two looks."""

    def __init__(self) -> None:
        self.layout: Known | None = None
        self.delays: dict[int, int] = {}
        self.looked = float("-inf")

    def take(self, rows: Iterable[Row]) -> None:
        """The least delay counts: what was kept comes late, a fresh sample comes at once."""
        for row in rows:
            delay = row.received - int(row.times.max())
            known = self.delays.get(row.server)
            if known is None or abs(delay) < abs(known):
                self.delays[row.server] = delay

    def due(self, monotonic: float) -> bool:
        return monotonic - self.looked >= EVERY

    def block(self, book: Book, at: int, monotonic: float) -> Block | None:
        """A row of each machine that was heard since the last look and runs an agent of ours."""
        self.looked = monotonic
        delays, self.delays = self.delays, {}
        servers = [pk for pk in delays if (known := book.servers.get(pk)) and known.agent and known.watched]
        if not servers or not (book.by_metric.keys() & set(COLUMNS)):
            return None
        if self.layout is None:
            self.layout = layouts.learn(layout_hash(COLUMNS), COLUMNS)
        old = book.fleet.outdated()
        rows = np.array([[float(pk in old), _skew(delays[pk])] for pk in servers])
        plans = book.plan(self.layout)
        told = rows[:, plans.columns]
        return Block(self.layout, plans, np.array(servers), np.full(len(servers), at), told, told)

    def every(self, series: int) -> int | None:
        """How often one of these comes; nothing for any other series."""
        mine = self.layout is not None and series in self.layout.series
        return int(EVERY * 1000) if mine else None


def _skew(delay: int) -> float:
    return float("nan") if abs(delay) > OLD else abs(delay) / 1000
