"""Known faults put into a copy of a server's own numbers: what a model should notice, with the truth beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# By the beginning of a metric's name; the first that fits counts.
FAMILIES = (
    ("cpu_", "cpu"), ("load", "cpu"), ("pressure_cpu", "cpu"), ("processes", "cpu"), ("threads", "cpu"),
    ("memory_", "memory"), ("swap_", "memory"), ("pressure_memory", "memory"),
    ("disk_used", "space"), ("disk_inodes", "space"),
    ("disk_", "disks"), ("pressure_io", "disks"),
    ("net_", "network"), ("tcp_", "network"),
)  # fmt: skip
OTHER = "other"
ORDER = ("cpu", "memory", "space", "disks", "network", OTHER)

LEAST_KNOWN = 0.5  # of a time: in what is mostly missing no fault shows
TINY = 1e-9
CALM = (10_800, 16_200)  # seconds between two faults
ONE, FEW = 0.5, 3  # in half of the cases of generic faults one metric, else up to so many


def family_of(column: str) -> str:
    return next((family for start, family in FAMILIES if column.startswith(start)), OTHER)


@dataclass(frozen=True)
class Event:
    """One fault: the rows it lies on (the end is not part of it), what it is, and the columns that are to blame."""

    kind: str
    family: str
    begin: int
    end: int
    guilty: tuple[int, ...]


@dataclass
class Copy:
    """Numbers that may be spoiled, what each column usually strays, and dice."""

    values: Floats
    columns: Sequence[str]
    stray: Floats
    highest: Floats
    dice: np.random.Generator
    touched: set[int] = field(default_factory=set)

    def named(self, *starts: str) -> list[int]:
        return [place for place, column in enumerate(self.columns) if column.startswith(starts)]

    def put(self, places: Sequence[int], rows: slice, new: Any) -> None:
        """Shares stay within 0 and 100, amounts above 0; what was not measured stays so."""
        for place in places:
            old = self.values[rows, place]
            most = 100.0 if "percent" in self.columns[place] else np.inf
            fresh = np.clip(new(old) if callable(new) else new, 0.0, most)
            changed = np.where(np.isnan(old), old, fresh)
            if np.nanmax(np.abs(changed - old), initial=0.0) > TINY:
                self.touched.add(place)
            self.values[rows, place] = changed


Make = Callable[[Copy, slice, Sequence[int]], None]


@dataclass(frozen=True)
class Shape:
    """A fault and how long it lasts, in seconds; a generic one befalls metrics of any family."""

    make: Make
    seconds: tuple[int, int]
    family: str = ""


SHAPES: dict[str, Shape] = {}


def _register(name: str, seconds: tuple[int, int], family: str = "") -> Callable[[Make], Make]:
    def keep(make: Make) -> Make:
        SHAPES[name] = Shape(make, seconds, family)
        return make

    return keep


def _count(rows: slice) -> int:
    return int(rows.stop - rows.start)


def _ramp(rows: slice) -> Floats:
    return np.linspace(0.0, 1.0, _count(rows))


def _sign(copy: Copy, place: int, rows: slice) -> float:
    """Down only where there is room below, so that no fault is clipped away."""
    typical = float(np.nanmedian(copy.values[:, place]))
    low = typical < 8 * copy.stray[place]
    full = "percent" in copy.columns[place] and typical > 100 - 8 * copy.stray[place]
    return -1.0 if full else 1.0 if low else float(copy.dice.choice((-1.0, 1.0)))


@_register("spike", (180, 420))
def _spike(copy: Copy, rows: slice, places: Sequence[int]) -> None:
    for place in places:
        up = abs(copy.dice.uniform(8, 14)) * copy.stray[place] * _sign(copy, place, rows)
        copy.put([place], rows, lambda old, up=up: old + up)


@_register("level shift", (2400, 4800))
def _shift(copy: Copy, rows: slice, places: Sequence[int]) -> None:
    for place in places:
        up = copy.dice.uniform(5, 9) * copy.stray[place] * _sign(copy, place, rows)
        copy.put([place], rows, lambda old, up=up: old + up)


@_register("drift", (5400, 7200))
def _drift(copy: Copy, rows: slice, places: Sequence[int]) -> None:
    for place in places:
        up = copy.dice.uniform(7, 10) * copy.stray[place] * _sign(copy, place, rows) * _ramp(rows)
        copy.put([place], rows, lambda old, up=up: old + up)


@_register("stuck", (2400, 4800))
def _stuck(copy: Copy, rows: slice, places: Sequence[int]) -> None:
    """Meters that tell the same number again and again."""
    for place in places:
        column = copy.values[: rows.start + 1, place]
        known = column[~np.isnan(column)]
        if len(known):
            copy.put([place], rows, float(known[-1]))


@_register("dropout", (900, 2700))
def _dropout(copy: Copy, rows: slice, places: Sequence[int]) -> None:
    """A meter that tells nought."""
    copy.put(places, rows, 0.0)


@_register("cpu hog", (900, 2700), "cpu")
def _hog(copy: Copy, rows: slice, _places: Sequence[int]) -> None:
    noise = copy.dice.normal(0, 1, _count(rows))
    copy.put(copy.named("cpu_used_percent", "cpu_user_percent"), rows, 96 + noise)
    copy.put(copy.named("pressure_cpu_percent"), rows, lambda old: old + 35 + 3 * noise)
    for name, slow in (("load1", 1), ("load5", 5), ("load15", 15)):
        up = _rise(rows, slow)
        places = copy.named(name)
        copy.put(places, rows, lambda old, up=up, places=places: old + _most(copy, places, 3.0) * up)


@_register("memory leak", (4800, 7200), "memory")
def _leak(copy: Copy, rows: slice, _places: Sequence[int]) -> None:
    """Until nearly all is gone."""
    up = _ramp(rows)
    copy.put(copy.named("memory_used_percent"), rows, lambda old: old + (96 - old) * up)
    left = copy.named("memory_available_bytes")
    copy.put(left, rows, lambda old: old * (1 - 0.93 * up))
    for place in copy.named("memory_used_bytes"):
        room = _room(copy, left, copy.highest[place], rows)
        copy.put([place], rows, lambda old, room=room: old + 0.93 * room * up)
    copy.put(copy.named("swap_used_percent"), rows, lambda old: old + 40 * np.maximum(0, up - 0.7) / 0.3)
    copy.put(copy.named("pressure_memory_percent"), rows, lambda old: old + 30 * np.maximum(0, up - 0.7) / 0.3)


@_register("disk fills", (4800, 7200), "space")
def _fill(copy: Copy, rows: slice, _places: Sequence[int]) -> None:
    used = copy.named("disk_used_percent")[:1]
    up = _ramp(rows)
    grown = [float(copy.values[rows.start, place]) for place in used]
    copy.put(used, rows, lambda old: old + (99 - old) * up)
    for place in copy.named("disk_used_bytes")[:1]:
        share = max(grown[0], 5.0) if grown else 50.0
        copy.put([place], rows, lambda old, share=share: old * (1 + (99 / share - 1) * up))
    for place in copy.named("disk_write_bytes_per_second")[:1]:
        copy.put([place], rows, lambda old, place=place: old + 1.5 * max(float(copy.highest[place]), 1.0))


@_register("disk storm", (900, 2700), "disks")
def _storm(copy: Copy, rows: slice, _places: Sequence[int]) -> None:
    noise = copy.dice.normal(0, 1, _count(rows))
    copy.put(copy.named("disk_util_percent")[:1], rows, 97 + noise)
    copy.put(copy.named("cpu_iowait_percent"), rows, lambda old: old + 30 + 3 * noise)
    copy.put(copy.named("pressure_io_percent"), rows, lambda old: old + 50 + 3 * noise)
    for start, times in (("disk_write_bytes", 4), ("disk_writes_per", 4), ("disk_await", 6)):
        places = copy.named(start)[:1]
        copy.put(places, rows, lambda old, places=places, times=times: old + _most(copy, places, times))


@_register("network flood", (900, 2700), "network")
def _flood(copy: Copy, rows: slice, _places: Sequence[int]) -> None:
    for start in ("net_received_bytes", "net_received_packets"):
        places = copy.named(start)[:1]
        copy.put(places, rows, lambda old, places=places: old + _most(copy, places, 5.0))
    copy.put(copy.named("net_drops_per_second")[:1], rows, lambda old: old + 200.0)


def _rise(rows: slice, slow: int) -> Floats:
    return np.asarray(1 - np.exp(-np.arange(_count(rows)) / slow))


def _most(copy: Copy, places: Sequence[int], times: float) -> float:
    return times * max((float(copy.highest[place]) for place in places), default=0.0) or times


def _room(copy: Copy, left: Sequence[int], instead: float, rows: slice) -> float:
    """How much more memory could be used."""
    known = [float(np.nanmax(copy.values[: rows.start + 1, place], initial=0.0)) for place in left]
    return max(known, default=0.0) or instead


def strays(values: Floats) -> Floats:
    """How far each column usually is from its middle; nothing for what never moves."""
    if not len(values):
        return np.zeros(values.shape[1])
    low, _middle, high = np.nanpercentile(np.nan_to_num(values), [12.5, 50, 87.5], axis=0)
    wide = np.nanstd(np.nan_to_num(values), axis=0)
    return np.asarray(np.maximum((high - low) / 2.3, 0.2 * wide))


def inject(
    values: Floats, columns: Sequence[str], kind: str, *, step_ms: int, seed: int
) -> tuple[Floats, list[Event]]:
    """A copy with this fault again and again, one at a time with calm between, each on other metrics."""
    shape = SHAPES[kind]
    dice = np.random.default_rng(seed)
    highest = np.nan_to_num(np.nanmax(np.nan_to_num(values), axis=0, initial=0.0))
    copy = Copy(values.astype(np.float64, copy=True), columns, strays(values), highest, dice)
    families = [shape.family] if shape.family else _families(copy)
    events: list[Event] = []
    at = _rows(dice.integers(1800, 5400), step_ms)
    while families:
        length = max(3, _rows(dice.integers(*shape.seconds), step_ms))
        if at + length >= len(values):
            break
        family = families[len(events) % len(families)]
        if event := _one(copy, shape, kind, family, slice(at, at + length)):
            events.append(event)
        at += length + _rows(dice.integers(*CALM), step_ms)
    return copy.values, events


def _one(copy: Copy, shape: Shape, kind: str, family: str, rows: slice) -> Event | None:
    copy.touched.clear()
    shape.make(copy, rows, _chosen(copy, family, rows))
    guilty = tuple(sorted(copy.touched))
    return Event(kind, family, rows.start, rows.stop, guilty) if guilty else None


def _families(copy: Copy) -> list[str]:
    there = {family_of(column) for column, stray in zip(copy.columns, copy.stray, strict=True) if stray > TINY}
    return [family for family in ORDER if family in there]


def _chosen(copy: Copy, family: str, rows: slice) -> list[int]:
    """Metrics of the family that move at all, and are known in this time."""
    alive = [
        place
        for place, column in enumerate(copy.columns)
        if family_of(column) == family
        and copy.stray[place] > TINY
        and np.mean(~np.isnan(copy.values[rows, place])) > LEAST_KNOWN
    ]
    count = 1 if copy.dice.random() < ONE else FEW
    return sorted(copy.dice.choice(alive, min(count, len(alive)), replace=False).tolist()) if alive else []


def _rows(seconds: Any, step_ms: int) -> int:
    return max(1, int(seconds * 1000 // step_ms))
