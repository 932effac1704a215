"""What any store of numbers can be asked: the face that the database, memory and an outside engine share."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import Failure
from metrics.names import Labels
from metrics.rollups import Rolled

__all__ = [
    "HOURS", "MINUTES", "RAW", "TIERS", "Best", "Floats", "Ints", "Kept", "Key", "Labels", "Line", "Named", "Newest",
    "Rolled", "Store", "TooMuch",
]  # fmt: skip

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Key = tuple[str, Labels]

RAW, MINUTES, HOURS = 0, 300, 3600
TIERS = (RAW, MINUTES, HOURS)


@dataclass(frozen=True, slots=True)
class Line:
    """One series: samples (each its own least, greatest and mean) or buckets; only times that have some."""

    t: Ints
    low: Floats
    high: Floats
    mean: Floats
    count: Floats


class Named(NamedTuple):
    """A series of a server, as the store gave it and wants it back."""

    key: Key
    id: int = 0


class Newest(NamedTuple):
    """The newest row of some servers: when it was received (0: never), a column a metric, NaN for nothing."""

    received: Ints
    values: Floats


class Best(NamedTuple):
    """One place of a ranking."""

    server: int
    key: Key
    value: float


class Kept(Protocol):
    """What there really is of a tier: its first moment in milliseconds (None: nothing), its size, the days wanted."""

    @property
    def tier(self) -> int: ...
    @property
    def days(self) -> int: ...
    @property
    def oldest(self) -> int | None: ...
    @property
    def bytes(self) -> int: ...


class TooMuch(Failure):
    """One answer would hold the process up for everybody else."""

    code = "too_much"


class Store(Protocol):
    """Times are milliseconds. A metric may have many label sets; a column names one, as `names.write` does.

    Where a time is stored twice, what was stored last counts; NaN is "not measured" and hides nothing.
    Buckets begin at whole multiples of their tier, and are given whole where the range cuts them.
    """

    def append(self, server: int, columns: Sequence[str], times: Ints, values: Floats) -> None:
        """Keep these rows; they are durable, and seen by every question, when this returns."""

    def latest(self, servers: Sequence[int], columns: Sequence[str]) -> Newest:
        """Of a bare metric with several label sets: the worst of them."""

    def series(self, server: int, metrics: Collection[str] | None, start: int, end: int) -> list[Named]:
        """What a server told in this time by these metrics, or by any."""

    def first(self, tier: int) -> int | None:
        """From when on a tier can answer; nothing is older."""

    def fleet_first(self, tier: int) -> int | None:
        """The same for questions about all servers: by metric five minutes may be kept for less long."""

    def range(self, server: int, named: Sequence[Named], start: int, end: int, tier: int = RAW) -> dict[Key, Line]:
        """Each of these series, both ends included; empty where nothing was reported in this time."""

    def fleet_range(
        self, column: str, start: int, end: int, tier: int, servers: Collection[int]
    ) -> dict[Key, Rolled]:
        """Servers side by side, each label set by itself; `series` holds at least these of them, in order.

        Of a metric with very many label sets those count that these servers report now.
        """

    def settled(self, column: str, start: int, end: int, servers: Collection[int]) -> dict[int, Hashable]:
        """Marks of the hours in which nothing changed since they were stored: as long as an hour has the same mark,
        `fleet_range` has the same buckets of it. Only hours of which that can be told.
        """

    def top(self, column: str, start: int, end: int, agg: str, servers: Collection[int]) -> list[Best]:
        """Each of these servers that has a value, by its worst label set, worst first."""

    def delete_before(self, tier: int, time: int) -> None:
        """Let go what a tier has of earlier; up to one chunk's span more may stay."""

    def kept(self) -> Sequence[Kept]:
        """What there really is, a tier each."""
