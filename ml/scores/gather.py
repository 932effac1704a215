"""From journal rows to what a tick wants: of each server and slot the first row, in the columns of its model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.journal import Row
from metrics.store import Known as Layout
from metrics.store import parse, write
from ml.preprocess import Floats
from ml.scores.book import Known

LATE = 900_000  # what comes later than this is history: stored and shown, never judged
AHEAD = 60_000  # a clock that runs ahead further than this judges nothing

Places = NDArray[np.intp]


@dataclass(slots=True)
class Point:
    """One row that is to be judged."""

    known: Known
    at: int
    id: int  # of its journal row
    values: Floats


class Gather:
    """Holds rows until the next tick, one for each slot of each server."""

    def __init__(self) -> None:
        self.slots: dict[int, dict[int, Point]] = defaultdict(dict)
        """By when a slot begins, by server."""
        self.places: dict[tuple[int, str], tuple[Places | None, Places]] = {}
        """By layout and columns: which places to take (nothing: all as they are), and what is missing of them."""

    def __len__(self) -> int:
        return sum(len(points) for points in self.slots.values())

    def clear(self) -> None:
        self.slots.clear()

    def take(self, rows: Iterable[Row], book: dict[int, Known]) -> None:
        for row in rows:
            known = book.get(row.server)
            if row.own or known is None or not known.judged:
                continue
            if len(row.times) == 1:
                self._take(known, row, int(row.times[0]), row.values[0])
            else:
                order = np.argsort(row.times, kind="stable")
                for place in order.tolist():
                    self._take(known, row, int(row.times[place]), row.values[place])

    def _take(self, known: Known, row: Row, at: int, values: Floats) -> None:
        slot = at - at % known.tick_ms
        if slot <= known.mark or not row.received - LATE <= at <= row.received + AHEAD:
            return
        here = self.slots[slot]
        if known.server not in here:
            here[known.server] = Point(known, at, row.id, self._picked(row.layout, known, values))

    def _picked(self, layout: Layout, known: Known, values: Floats) -> Floats:
        """The model's columns of it; what this layout does not have is missing."""
        key = (layout.id, known.schema)
        found = self.places.get(key)
        if found is None:
            if len(self.places) > 20_000:
                self.places.clear()
            found = self.places[key] = _places(layout, known)
        places, missing = found
        if places is None:
            return values
        picked: Floats = values.take(places)
        if len(missing):
            picked[missing] = np.nan
        return picked

    def due(self) -> Iterator[tuple[int, list[Point]]]:
        """Slots in their order, and what stands in each; they are not held any more."""
        for slot in sorted(self.slots):
            yield slot, list(self.slots.pop(slot).values())


def _places(layout: Layout, known: Known) -> tuple[Places | None, Places]:
    there = {_canonical(column): place for column, place in layout.place.items()}
    found = np.array([there.get(column, -1) for column in known.columns], np.intp)
    if np.array_equal(found, np.arange(len(layout.columns))):
        return None, found[:0]
    return np.maximum(found, 0), np.flatnonzero(found < 0)


def _canonical(column: str) -> str:
    metric, labels = parse(column)
    return metric + write(labels)
