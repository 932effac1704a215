"""Questions about history: one server's series over a range, raw or in buckets."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics import blob
from metrics.layouts import layouts
from metrics.models import JournalRow
from metrics.names import parse

MOST_POINTS = 50_000

Array = NDArray[np.float64]
Key = tuple[str, tuple[tuple[str, str], ...]]


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
    rows = JournalRow.objects.filter(server=server, end__gte=asked.start, start__lte=asked.end)
    times: dict[Key, list[NDArray[np.int64]]] = defaultdict(list)
    values: dict[Key, list[Array]] = defaultdict(list)
    for layout_id, data in rows.order_by("pk").values_list("layout_id", "rows").iterator():
        layout = layouts.by(layout_id)
        t, v = blob.unpack(data, len(layout.columns))
        for column, place in layout.place.items():
            if column.partition("{")[0] in metrics and column not in layout.refused:
                key = parse(column)
                times[key].append(t)
                values[key].append(v[:, place])
    return {key: (np.concatenate(times[key]), np.concatenate(values[key])) for key in times}


def _latest_wins(times: NDArray[np.int64], values: Array) -> tuple[NDArray[np.int64], Array]:
    """In order of time; where a time came twice, the value that was stored last."""
    known = ~np.isnan(values)
    times, values = times[known][::-1], values[known][::-1]
    times, places = np.unique(times, return_index=True)
    return times, values[places]


def _raw(found: dict[Key, tuple[NDArray[np.int64], Array]]) -> dict[str, Any]:
    every = np.unique(np.concatenate([t for t, _ in found.values()])) if found else np.array([], np.int64)
    every = every[-MOST_POINTS:]
    listed = []
    for key, (times, values) in found.items():
        whole = np.full(len(every), np.nan)
        inside = times >= every[0]
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
