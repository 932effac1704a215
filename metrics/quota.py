"""What one server may keep: how many series within an hour, and how many new layouts. Pure: no database."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

SERIES_QUOTA = 5000
UNUSED = 3600.0
NEW_LAYOUTS = 60
MOST_LAYOUTS = 200
ASK_AGAIN = 600.0
MOST_TOLD = 100


@dataclass(slots=True)
class Admitted:
    """A server's list of columns as it is kept: the layout it goes under, and what is left out of it."""

    stored: str  # empty when nothing of it is kept
    series: NDArray[np.int64]
    width: int
    picks: NDArray[np.intp] | None = None  # places of the kept columns, -1: not told; nothing when all are
    refused: list[tuple[str, str]] = field(default_factory=list)
    unsaid: int = 0
    until: float = float("inf")
    used: float = field(default_factory=time.monotonic)

    def refuse(self, column: str, error: str) -> None:
        if len(self.refused) < MOST_TOLD:
            self.refused.append((column, error))
        else:
            self.unsaid += 1


class Usage:
    """The layouts of one server, the one used last at the end."""

    def __init__(self) -> None:
        self.admitted: OrderedDict[str, Admitted] = OrderedDict()
        self.new: deque[float] = deque()

    def find(self, hash_: str) -> Admitted | None:
        known = self.admitted.get(hash_)
        if known is None or time.monotonic() > known.until:
            return None
        known.used = time.monotonic()
        self.admitted.move_to_end(hash_)
        return known

    def keep(self, hash_: str, admitted: Admitted) -> None:
        self.admitted[hash_] = admitted
        self.admitted.move_to_end(hash_)
        if len(self.admitted) > MOST_LAYOUTS:
            self.admitted.popitem(last=False)

    def series(self) -> list[NDArray[np.int64]]:
        """What counts: the series of every layout that was used within the hour."""
        old = time.monotonic() - UNUSED
        for hash_ in [hash_ for hash_, one in self.admitted.items() if one.used < old]:
            del self.admitted[hash_]
        return [one.series for one in self.admitted.values()]

    def wait(self) -> int:
        """Seconds until another new layout may be stored."""
        while self.new and self.new[0] < time.monotonic() - 3600:
            self.new.popleft()
        return 0 if len(self.new) < NEW_LAYOUTS else int(self.new[0] + 3600 - time.monotonic()) + 1


def fit_together(series: list[NDArray[np.int64]]) -> bool:
    return len(np.unique(np.concatenate(series))) <= SERIES_QUOTA


def within(marks: list[Hashable], used: set[int]) -> list[bool]:
    """Which of these series fit beside the used ones, in their order; nothing marks what is no series."""
    room = SERIES_QUOTA - len(used)
    fresh: set[Hashable] = set()
    fits = []
    for mark in marks:
        if mark is not None and mark not in used and mark not in fresh and len(fresh) < room:
            fresh.add(mark)
        fits.append(mark is not None and (mark in used or mark in fresh))
    return fits
