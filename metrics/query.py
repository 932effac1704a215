"""Questions about history: one server's series over a range, raw or in buckets, from the tier that fits."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.clock import milliseconds
from metrics.base import HOURS, MINUTES, RAW, TIERS, Kept, Key, Line, Store, TooMuch
from metrics.database import DatabaseStore

MOST_POINTS = 50_000
MOST_CELLS = 200_000  # series times points of one answer
MOST_READ = 10_000_000  # stored values behind it
READ_AT_ONCE = 5_000_000  # at one sample a second

KEPT_FOR, TIMES_AS_LONG = 60.0, 100

HOUR = 3_600_000
FROM = {RAW: 0, MINUTES: 6 * HOUR, HOURS: 48 * HOUR}  # ranges longer than that
SURE = 24 * HOUR + HOUR // 2  # so much of each tier is there, however small the disk
SHORTEST, LONGEST = HOUR // 6, 90 * 24 * HOUR  # what is read at once

Ints = NDArray[np.int64]
Array = NDArray[np.float64]

store: Store = DatabaseStore()


@dataclass(frozen=True)
class Range:
    """What is asked: times in milliseconds; no points means the finest that is still there."""

    start: int
    end: int
    points: int | None = None
    agg: str = "avg"


class _Counted:
    """Counting all bytes reads all rows: the longer it took the longer it holds; a small store is told as it is."""

    def __init__(self) -> None:
        self.until = float("-inf")
        self.tiers: Sequence[Kept] = ()

    def __call__(self) -> Sequence[Kept]:
        began = time.monotonic()
        if began >= self.until:
            self.tiers = store.kept()
            took = time.monotonic() - began
            self.until = began + min(KEPT_FOR, TIMES_AS_LONG * took)
        return self.tiers


kept = _Counted()


def series(server: int, metrics: list[str], asked: Range) -> dict[str, Any]:
    """`{"t", "step", "tier", "series": [{"metric", "labels", "v", "min", "max"}]}`, NaN for nothing."""
    tier = tier_for(asked)
    found = _read(server, metrics, asked, tier)
    shown = _whole(found, tier) if asked.points is None else _buckets(found, asked, tier)
    return {**shown, "tier": tier}


def every(server: int, asked: Range) -> tuple[Array, dict[Key, Array]]:
    """All that a server told, in so many buckets: their times in seconds, and each series with NaN for nothing."""
    tier = tier_for(asked)
    start, step, count = _grid(asked, tier)
    found = {key: _reduce(_places(line, start, step, count), line, count, asked.agg)[0]
             for key, line in _read(server, None, asked, tier).items() if len(line.t)}  # fmt: skip
    return (start + step * np.arange(count)) / 1000, found


def told(server: int, start: int, end: int) -> list[Key]:
    """The series that a server told in this time."""
    return [named.key for named in store.series(server, None, start, end)]


def tier_for(asked: Range) -> int:
    """The finest tier that is fine enough for the points, and has not been let go of yet."""
    width = asked.end - asked.start
    step = 0 if asked.points is None else width / asked.points / 1000
    # Whole buckets do not begin where one asks: of short ranges the samples are taken.
    wanted = max(tier for tier in TIERS if tier <= 2 * step and width > FROM[tier])
    return next((tier for tier in TIERS if tier >= wanted and _reaches(tier, asked.start)), HOURS)


def _reaches(tier: int, start: int) -> bool:
    """Whether a tier goes back that far, or no coarser one goes back further."""
    if tier == HOURS or start >= milliseconds() - SURE:
        return True
    first = store.first(tier)
    coarser = [at for coarse in TIERS if coarse > tier and (at := store.first(coarse)) is not None]
    return not coarser or (first is not None and first <= max(start, min(coarser) + HOUR))


def _read(server: int, metrics: list[str] | None, asked: Range, tier: int) -> dict[Key, Line]:
    """A piece at a time, so that too much is seen before it is read; the newest first, as they are kept."""
    named = store.series(server, metrics, asked.start, asked.end)
    count = len(named)
    _bound(count * (asked.points or 1), MOST_CELLS)
    pieces: list[dict[Key, Line]] = []
    times = read = 0
    for start, end in _pieces(asked, tier, count):
        found = store.range(server, named, start, end, tier)
        pieces.append(found)
        read += sum(len(line.t) for line in found.values())
        times += max((len(line.t) for line in found.values()), default=0)
        _bound(read, MOST_READ)
        if asked.points is None and times >= MOST_POINTS:
            break
    return _joined(pieces[::-1])


def _pieces(asked: Range, tier: int, series: int) -> Iterator[tuple[int, int]]:
    """From the end back to the start, or to where there is something; a bucket is never cut in two."""
    unit = tier * 1000 or 1
    width = min(max(READ_AT_ONCE // max(series, 1) * max(unit, 1000), SHORTEST), LONGEST)
    width -= width % unit
    start, end = asked.start - asked.start % unit, asked.end
    if end - start > width:
        first = store.first(tier)
        start = end if first is None else max(start, first - first % unit)
    while end > start or end == asked.end:
        begin = max(start, end - end % unit - width)
        yield begin, end
        end = begin - 1


def _joined(pieces: list[dict[Key, Line]]) -> dict[Key, Line]:
    if len(pieces) == 1:
        return pieces[0]
    found: dict[Key, list[Line]] = {}
    for piece in pieces:
        for key, line in piece.items():
            found.setdefault(key, []).append(line)
    return {key: _end_to_end(lines) for key, lines in sorted(found.items())}


def _end_to_end(lines: list[Line]) -> Line:
    kinds = ([getattr(line, kind) for line in lines] for kind in ("t", "low", "high", "mean", "count"))
    return Line(*map(np.concatenate, kinds))


def _bound(values: int, most: int) -> None:
    if values > most:
        raise TooMuch(f"That is more than {most:,} values: ask for fewer metrics, fewer points, or a shorter range.")


def _whole(found: dict[Key, Line], tier: int) -> dict[str, Any]:
    every = np.unique(np.concatenate([line.t for line in found.values()])) if found else np.array([], np.int64)
    every = every[-MOST_POINTS:]
    _bound(len(every) * len(found), MOST_CELLS)
    listed = []
    for key, line in found.items():
        inside = line.t >= every[0] if len(every) else slice(0)
        places = np.searchsorted(every, line.t[inside])
        kinds = [np.full(len(every), np.nan) for _ in range(3)]
        for kind, values in zip(kinds, (line.mean, line.low, line.high), strict=True):
            kind[places] = values[inside]
        listed.append(_one(key, *kinds))
    return {"t": (every / 1000).tolist(), "step": tier or None, "series": listed}


def _buckets(found: dict[Key, Line], asked: Range, tier: int) -> dict[str, Any]:
    """Buckets from the start on; those of a tier are made of whole ones of that tier."""
    start, step, count = _grid(asked, tier)
    listed = []
    for key, line in found.items():
        listed.append(_one(key, *_reduce(_places(line, start, step, count), line, count, asked.agg)))
    t = (start + step * np.arange(count)) / 1000
    return {"t": t.tolist(), "step": step / 1000, "series": listed}


def _grid(asked: Range, tier: int) -> tuple[int, int, int]:
    """Where the buckets begin, how wide they are, and how many there are."""
    points = max(1, min(asked.points or 1, MOST_POINTS))
    whole = max(1000, tier * 1000)
    start = asked.start - (asked.start % whole if tier else 0)
    step = max(whole, -(-(asked.end - start) // points))
    step = -(-step // whole) * whole if tier else step
    count = max(1, -(-(asked.end - start) // step))
    return start, step, count


def _places(line: Line, start: int, step: int, count: int) -> Ints:
    """The bucket of every sample."""
    return np.minimum((line.t - start) // step, count - 1)


def _reduce(places: Ints, line: Line, count: int, agg: str) -> tuple[Array, Array, Array]:
    low, high, mean = (np.full(count, np.nan) for _ in range(3))
    if len(places):
        used, starts = np.unique(places, return_index=True)
        low[used] = np.minimum.reduceat(line.low, starts)
        high[used] = np.maximum.reduceat(line.high, starts)
        with np.errstate(over="ignore"):  # a sum beyond the greatest number is infinite, its mean is not
            total = np.add.reduceat(line.mean * line.count, starts)
        mean[used] = np.clip(total / np.add.reduceat(line.count, starts), low[used], high[used])
    return {"min": low, "max": high}.get(agg, mean), low, high


def _one(key: Key, v: Array, low: Array, high: Array) -> dict[str, Any]:
    metric, labels = key
    return {"metric": metric, "labels": dict(labels), "v": v.tolist(), "min": low.tolist(), "max": high.tolist()}
