"""Rows to learn from: raw samples of at most a week, the first of each minute, read a few hours at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from core.clock import from_milliseconds
from metrics.base import MINUTES, RAW, Line, Named, Store
from metrics.store import DatabaseStore, write
from ml.columns import chosen
from ml.models import Episode
from ml.preprocess import Flags, Floats, Times
from ml.training import excused

Places = NDArray[np.intp]

DAY = 86_400_000
MOST = 7 * DAY
PART = 6 * 3_600_000
SEASON = 28 * DAY
YOUNG = DAY // 4
SHORT_STEP, STEP = 10_000, 60_000
TICKS = (10_000, 20_000, 30_000, 60_000)
OFTEN = 0.2  # a column must be there in so many of the last rows
HOUR = RECENT = 3_600_000
MOST_MASKED = 0.5


@dataclass(frozen=True)
class Rows:
    """A grid of rows, NaN where nothing was measured."""

    times: Times
    values: Floats
    columns: tuple[str, ...]
    step_ms: int
    tick_ms: int
    mask: Flags


def read(server: int, start: int, end: int, interval_ms: int, store: Store | None = None) -> Rows:
    """What a server told from start to end, as learning wants it."""
    store = store or DatabaseStore()
    start = max(start, end - MOST)
    tick, step = grid_of(interval_ms, end - start)
    by_name = {_column(one): one for one in store.series(server, None, start, end)}
    columns = chosen(by_name)
    first = start // step
    values = np.full((end // step - first + 1, len(columns)), np.nan)
    named = [by_name[column] for column in columns]
    # From whole hours on, as samples are kept in such: none is opened twice.
    for begin in range(start - start % HOUR, end + 1, PART):
        asked = max(start, begin), min(end, begin + PART - 1)
        lines = store.range(server, named, *asked, RAW) if named else {}
        _fill_all(values, [lines.get(one.key) for one in named], first, step)
    columns, values = _usable(columns, values, step)
    times = (first + np.arange(len(values))) * step
    told = ~np.isnan(values).all(axis=1)
    times, values = times[told], values[told]
    close = _closely(times, step)
    times, values = times[close:], values[close:]
    return Rows(times, values, columns, step, tick, masked(server, times))


def placed(values: Floats, columns: tuple[str, ...], wanted: tuple[str, ...]) -> Floats:
    """In the order of a model's columns; what was not read is missing."""
    place = {column: at for at, column in enumerate(columns)}
    found = np.full((len(values), len(wanted)), np.nan)
    for at, column in enumerate(wanted):
        if column in place:
            found[:, at] = values[:, place[column]]
    return found


def grid_of(interval_ms: int, span: int) -> tuple[int, int]:
    """What is scored and what is learnt from, for machines that report that often: a tick divides its step."""
    tick = next((each for each in TICKS if each >= interval_ms), -(-interval_ms // STEP) * STEP)
    step = SHORT_STEP if span < YOUNG else STEP
    return tick, max(step, tick)


def season(server: int, columns: tuple[str, ...], end: int, store: Store | None = None) -> tuple[Times, Floats]:
    """The longer memory of what is usual at this hour: five-minute means of four weeks."""
    store = store or DatabaseStore()
    step = 1000 * MINUTES
    first = (end - SEASON) // step
    values = np.full((end // step - first + 1, len(columns)), np.nan, np.float32)
    by_name = {_column(one): one for one in store.series(server, None, end - SEASON, end)}
    named = [by_name.get(column) for column in columns]
    lines = store.range(server, [one for one in named if one], end - SEASON, end, MINUTES)
    _fill_all(values, [lines.get(one.key) if one else None for one in named], first, step)
    told = ~np.isnan(values).all(axis=1)
    return ((first + np.arange(len(values))) * step)[told], values[told].astype(np.float64)


def _fill_all(values: Floats, lines: Sequence[Line | None], first: int, step: int) -> None:
    """The first sample of each step, never a mean. Lines that share their times share the places."""
    known: dict[int, tuple[Places, Places]] = {}
    for column, line in enumerate(lines):
        if line is not None and len(line.t):
            fresh, slots = known.get(id(line.t)) or known.setdefault(
                id(line.t), _firsts(line.t // step - first, len(values))
            )
            values[slots, column] = line.mean[fresh]


def _firsts(slots: Times, count: int) -> tuple[Places, Places]:
    """Which samples are the first of their step, and which steps those are."""
    fresh = np.flatnonzero(np.diff(slots, prepend=-1))
    fresh = fresh[(slots[fresh] >= 0) & (slots[fresh] < count)]
    return fresh, slots[fresh]


def _usable(columns: tuple[str, ...], values: Floats, step: int) -> tuple[tuple[str, ...], Floats]:
    """Without what this machine has stopped to tell, or told now and then only."""
    told = ~np.isnan(values)
    rows = told.any(axis=1)
    if not rows.any():
        return (), values[:, :0]
    last = np.flatnonzero(rows)[-1]
    lately = told[max(0, last - RECENT // step) : last + 1]
    often = lately.sum(axis=0) >= OFTEN * max(1, lately.any(axis=1).sum())
    keep = np.flatnonzero(often)
    return tuple(columns[place] for place in keep.tolist()), values[:, keep]


def _closely(times: Times, step: int) -> int:
    """Where the stretch begins in which rows come as often as now: what was kept more thinly moves differently."""
    wide = np.diff(times) > 2 * step
    if not wide.any() or times[-1] - times[0] < DAY:
        return 0
    # Gaps are no matter, only stretches of nothing else: counted by hours.
    hours = (times[1:] - times[0]) // HOUR
    thin = np.bincount(hours, wide) > 0.5 * np.maximum(np.bincount(hours), 1)
    if not thin.any():
        return 0
    last = int(np.flatnonzero(thin)[-1])
    begin = int(np.searchsorted(times, times[0] + (last + 1) * HOUR))
    return begin if begin < len(times) and times[-1] - times[begin] >= 0.9 * DAY else 0


def masked(server: int, times: Times) -> Flags:
    """Rows of times that were unusual, in trouble or planned; where that is most of all, they are what is usual."""
    mask = np.zeros(len(times), np.bool_)
    if not len(times):
        return mask
    start, end = int(times[0]), int(times[-1])
    rows = Episode.objects.filter(server=server).exclude(answer="normal")
    rows = rows.filter(began_at__lte=from_milliseconds(end), last_at__gte=from_milliseconds(start))
    unusual = ((_ms(began), _ms(last)) for began, last in rows.values_list("began_at", "last_at"))
    for begins, ends in (*excused.of(server, start, end), *unusual):
        mask[np.searchsorted(times, begins) : np.searchsorted(times, ends, "right")] = True
    return mask if mask.mean() <= MOST_MASKED else np.zeros(len(times), np.bool_)


def _ms(moment: datetime) -> float:
    return moment.timestamp() * 1000


def hourly(times: Times, tails: Floats) -> dict[int, float]:
    """The largest tail of each hour."""
    most: dict[int, float] = defaultdict(float)
    known = ~np.isnan(tails)
    for hour, tail in zip((times[known] // 3_600_000).tolist(), tails[known].tolist(), strict=True):
        most[hour] = max(most[hour], tail)
    return dict(most)


def _column(named: Named) -> str:
    metric, labels = named.key
    return metric + write(labels)
