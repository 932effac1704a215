"""Levels of one metric over all servers, from the rollups: even steps up to now, NaN where nothing was measured."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.base import Rolled, TooMuch
from metrics.store import query

Floats = NDArray[np.float64]
Key = tuple[str, tuple[tuple[str, str], ...]]
HOUR = 3_600_000
SLICE = 7 * 24 * HOUR


@dataclass(slots=True)
class Levels:
    """One series of many servers: a column a server."""

    key: Key
    servers: list[int]
    values: Floats


def levels(metric: str, servers: Sequence[int], now: int, count: int, tier: int) -> Iterator[Levels]:
    """The mean of each whole bucket; the last is the one that is under way."""
    step = tier * 1000
    last = now - now % step
    start = last - (count - 1) * step
    found: dict[Key, Floats] = {}
    place = {server: at for at, server in enumerate(servers)}
    for begin in range(start, last + 1, SLICE):
        end = min(begin + SLICE, last + step) - 1
        for key, rolled in _read(metric, begin, end, tier, servers).items():
            columns = [(at, place[one]) for at, one in enumerate(rolled.series.tolist()) if one in place]
            if not columns or not len(rolled.t):
                continue
            whole = found.setdefault(key, np.full((count, len(servers)), np.nan))
            rows = (rolled.t - start) // step
            inside = (rows >= 0) & (rows < count)
            there, mine = (list(one) for one in zip(*columns, strict=True))
            whole[np.ix_(rows[inside], mine)] = np.where(rolled.count > 0, rolled.mean, np.nan)[inside][:, there]
    for key, values in sorted(found.items()):
        known = np.flatnonzero(np.isfinite(values).any(axis=0))
        yield Levels(key, [servers[at] for at in known.tolist()], values[:, known])


def _read(metric: str, start: int, end: int, tier: int, servers: Collection[int]) -> dict[Key, Rolled]:
    """Of a metric with very many label sets, some servers at a time."""
    try:
        return query.store.fleet_range(metric, start, end, tier, servers)
    except TooMuch:
        listed = sorted(servers)
        if len(listed) == 1:
            return {}
        middle = len(listed) // 2
        found = _read(metric, start, end, tier, listed[:middle])
        for key, rolled in _read(metric, start, end, tier, listed[middle:]).items():
            found[key] = _beside(found[key], rolled) if key in found else rolled
        return found


def _beside(one: Rolled, two: Rolled) -> Rolled:
    """The fuller of the two where both tell of a label set: a set that is read twice tells the same."""
    return one if one.count.sum() >= two.count.sum() else two


def newest(columns: Sequence[str], servers: Sequence[int]) -> Floats:
    return query.store.latest(servers, columns).values
