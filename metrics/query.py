"""Questions about history: one server's series over a range, raw or in buckets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from core.clock import milliseconds
from core.errors import Failure
from metrics import chunks
from metrics.layouts import Known, layouts
from metrics.models import JournalRow, Uses
from metrics.names import parse
from metrics.tiers import DAY

MOST_POINTS = 50_000
MOST_CELLS = 200_000  # series times points of one answer
MOST_READ = 10_000_000  # stored values behind it

Array = NDArray[np.float64]
Key = tuple[str, tuple[tuple[str, str], ...]]


class TooMuch(Failure):
    """One answer would hold the process up for everybody else."""

    code = "too_much"


@dataclass(frozen=True)
class Range:
    """What is asked: times in milliseconds; no points means every stored sample."""

    start: int
    end: int
    points: int | None = None
    agg: str = "avg"


def series(server: int, metrics: list[str], asked: Range) -> dict[str, Any]:
    """`{"t", "step", "series": [{"metric", "labels", "v", "min", "max"}]}`; null where nothing was measured."""
    found = {key: _latest_wins(*parts) for key, parts in sorted(_collect(server, set(metrics), asked).items())}
    if asked.points is None:
        return _raw(found)
    return _buckets(found, asked)


def _collect(server: int, metrics: set[str], asked: Range) -> dict[Key, tuple[NDArray[np.int64], Array]]:
    """Each series as it is stored, a day at a time, so that too much is seen before it is read."""
    series = _series_of(server, metrics, asked)
    _bound(len(series) * (asked.points or 1), MOST_CELLS)
    parts: dict[Key, list[tuple[NDArray[np.int64], Array]]] = {key: [] for key in series.values()}
    first = max(asked.start, milliseconds() - (settings.KEEP_RAW_DAYS + 1) * DAY)
    read = 0
    for at in range(first, asked.end + 1, DAY) if series else ():
        found = chunks.samples(server, series, at, min(at + DAY - 1, asked.end))
        read += found.values.size
        _bound(read, MOST_READ)
        for place, one in enumerate(found.keys.tolist()):
            parts[series[one]].append((found.times, found.values[:, place]))
    return {key: _joined(listed) for key, listed in parts.items()}


def _series_of(server: int, metrics: set[str], asked: Range) -> dict[int, Key]:
    """What the server told by these metrics in this time, as far as it is known without reading values."""
    rows = JournalRow.objects.filter(server=server, end__gte=asked.start, start__lte=asked.end)
    told = set(rows.values_list("layout", flat=True).distinct())
    used = Uses.objects.filter(server=server, last__gte=asked.start, first__lte=asked.end)
    told.update(used.values_list("layout", flat=True))
    found: dict[int, Key] = {}
    for layout in map(layouts.by, told):
        for key, place in _columns(layout, metrics).items():
            found[int(layout.series[place])] = key
    return found


def _joined(parts: list[tuple[NDArray[np.int64], Array]]) -> tuple[NDArray[np.int64], Array]:
    if not parts:
        return np.array([], np.int64), np.array([])
    return np.concatenate([times for times, _ in parts]), np.concatenate([values for _, values in parts])


def _columns(layout: Known, metrics: set[str]) -> dict[Key, int]:
    """The columns of a layout that are asked for, as series and place."""
    asked = [column for column in layout.columns if column.partition("{")[0] in metrics]
    return {parse(column): layout.place[column] for column in asked}


def _bound(values: int, most: int) -> None:
    if values > most:
        raise TooMuch(f"That is more than {most:,} values: ask for fewer metrics, fewer points, or a shorter range.")


def _latest_wins(times: NDArray[np.int64], values: Array) -> tuple[NDArray[np.int64], Array]:
    """In order of time; where a time came twice, the value that was stored last."""
    known = ~np.isnan(values)
    times, values = times[known][::-1], values[known][::-1]
    times, places = np.unique(times, return_index=True)
    return times, values[places]


def _raw(found: dict[Key, tuple[NDArray[np.int64], Array]]) -> dict[str, Any]:
    every = np.unique(np.concatenate([t for t, _ in found.values()])) if found else np.array([], np.int64)
    every = every[-MOST_POINTS:]
    _bound(len(every) * len(found), MOST_CELLS)
    listed = []
    for key, (times, values) in found.items():
        whole = np.full(len(every), np.nan)
        inside = times >= (every[0] if len(every) else 0)
        whole[np.searchsorted(every, times[inside])] = values[inside]
        listed.append(_one(key, whole, whole, whole))
    return {"t": (every / 1000).tolist(), "step": None, "series": listed}


def _buckets(found: dict[Key, tuple[NDArray[np.int64], Array]], asked: Range) -> dict[str, Any]:
    points = max(1, min(asked.points or 1, MOST_POINTS))
    step = max(1000, -(-(asked.end - asked.start) // points))
    count = max(1, -(-(asked.end - asked.start) // step))
    listed = []
    for key, (times, values) in found.items():
        inside = (times >= asked.start) & (times <= asked.end)
        places = np.minimum((times[inside] - asked.start) // step, count - 1)
        listed.append(_one(key, *_reduce(places, values[inside], count, asked.agg)))
    t = (asked.start + step * np.arange(count)) / 1000
    return {"t": t.tolist(), "step": step / 1000, "series": listed}


def _reduce(places: NDArray[np.int64], values: Array, count: int, agg: str) -> tuple[Array, Array, Array]:
    low, high, mean = (np.full(count, np.nan) for _ in range(3))
    if len(values):
        used, starts = np.unique(places, return_index=True)
        low[used] = np.minimum.reduceat(values, starts)
        high[used] = np.maximum.reduceat(values, starts)
        mean[used] = np.add.reduceat(values, starts) / np.diff(np.append(starts, len(values)))
    return {"min": low, "max": high}.get(agg, mean), low, high


def _one(key: Key, v: Array, low: Array, high: Array) -> dict[str, Any]:
    metric, labels = key
    return {"metric": metric, "labels": dict(labels), "v": _plain(v), "min": _plain(low), "max": _plain(high)}


def _plain(values: Array) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 - NaN
