"""Rows of many servers made parts and buckets at once, where they are alike, as most are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from metrics import plain, rollups
from metrics.columns import BITS, Floats, Ints
from metrics.layouts import Known, layouts
from metrics.models import Layout
from metrics.rollups import Rolled
from metrics.tiers import HOUR, STEP

MOST_CELLS = 1 << 17  # that are worked on at once: they fit in the processor's cache
LEAST = 2

Stored = tuple[int, int, int, int, Any]  # id, server, layout, received, rows
ByServer = dict[int, list[Stored]]
Key = tuple[int, int]  # server and layout; 0: of several that cannot be told apart


@dataclass(slots=True)
class Made:
    """What a seal gives of one server: one part of one hour, and its buckets."""

    server: int
    layout: int
    part: int
    span: int
    start: int
    end: int
    received: int
    data: bytes
    rolled: Rolled


def alike(by_server: ByServer) -> Iterator[Made]:
    """Take out the servers that can be done together, and do them; what is left is for who does one at a time."""
    parts = {key: rows for server, rows in by_server.items() for key, rows in _parts(server, rows).items()}
    for layout, samples, keys in _groups(parts):
        most = max(1, MOST_CELLS // (samples * len(layout.columns)))
        for place in range(0, len(keys), most):
            yield from _together(layout, keys[place : place + most], parts)
    by_server.clear()
    for (server, _), rows in parts.items():
        by_server.setdefault(server, []).extend(rows)
    for left in by_server.values():
        left.sort(key=lambda row: row[0])


def _parts(server: int, rows: list[Stored]) -> dict[Key, list[Stored]]:
    """The rows of each layout by themselves, where none tells a series of another: a machine's, and ours of it."""
    found: dict[Key, list[Stored]] = defaultdict(list)
    for row in rows:
        found[server, row[2]].append(row)
    if len(found) > 1:
        known = [_known(layout) for _, layout in found]
        series = [one.series for one in known if one is not None]
        if len(series) < len(found) or not _single(np.concatenate(series)):
            return {(server, 0): rows}
    return found


def _groups(parts: dict[Key, list[Stored]]) -> Iterator[tuple[Known, int, list[Key]]]:
    """Those of as many posts of one size and layout, whose series are all good; gives how many samples each has."""
    groups: dict[tuple[int, int, int], list[Key]] = defaultdict(list)
    for key, rows in parts.items():
        size, *more = {len(row[4]) for row in rows}
        if key[1] and not more and size * len(rows) <= 8 * MOST_CELLS * 4:  # more is cut into shares by who does it
            groups[key[1], size, len(rows)].append(key)
    for (layout, size, count), keys in groups.items():
        known = _known(layout) if len(keys) >= LEAST else None
        if known and size and size % (8 * (len(known.columns) + 1)) == 0 and _single(known.series):
            yield known, count * size // (8 * (len(known.columns) + 1)), keys


def _single(series: Ints) -> bool:
    return bool(series.all()) and len(np.unique(series)) == len(series)


def _known(layout: int) -> Known | None:
    try:
        return layouts.by(layout)
    except Layout.DoesNotExist:
        return None  # whoever does one server at a time tells of it


def _together(layout: Known, keys: list[Key], parts: dict[Key, list[Stored]]) -> Iterator[Made]:
    count = len(layout.columns)
    each = len(parts[keys[0]][0][4]) // (8 * (count + 1))  # samples of a post
    whole = np.frombuffer(b"".join([row[4] for key in keys for row in parts[key]]), "<i8")
    whole = whole.reshape(len(keys), -1, each * (count + 1))
    times = whole[:, :, :each].reshape(len(keys), -1)
    samples = whole[:, :, each:].reshape(len(keys), times.shape[1], count)
    # In order, and of one hour: the others are not alike.
    fits = (np.diff(times, axis=1) > 0).all(1) & (times[:, 0] // HOUR == times[:, -1] // HOUR)
    if not fits.all():
        keys = [key for key, fit in zip(keys, fits.tolist(), strict=True) if fit]
        times, samples = times[fits], samples[fits]
    if keys:
        order = np.argsort(layout.series)
        values = np.ascontiguousarray(samples).view("<f8")[:, :, order]
        yield from _made(layout.id, layout.series[order], times, values, [parts.pop(key) for key in keys])


def _made(layout: int, keys: Ints, times: Ints, values: Floats, stored: list[list[Stored]]) -> Iterator[Made]:
    packed = plain.encode_many(times, keys, np.ascontiguousarray(values.transpose(0, 2, 1)))
    rolled = _rolled(keys, times, values, packed.decimals)
    for at, (rows, data, buckets) in enumerate(zip(stored, packed.blobs, rolled, strict=True)):
        if not buckets.count.any():
            continue  # nothing was measured
        start, end = int(times[at, 0]), int(times[at, -1])
        yield Made(
            rows[0][1], layout, rows[-1][0], start - start % HOUR, start, end, max(row[3] for row in rows),
            data, buckets,
        )  # fmt: skip


def _rolled(keys: Ints, times: Ints, values: Floats, decimals: Ints) -> list[Rolled]:
    """Buckets of five minutes of each server, as `rollups.reduce` makes them of one."""
    servers, rows, count = values.shape
    starts = times - times % STEP
    new = np.ones((servers, rows), np.bool_)
    new[:, 1:] = starts[:, 1:] != starts[:, :-1]
    edges = np.flatnonzero(new.ravel())
    flat = values.reshape(-1, count)
    digits = np.where(decimals == BITS, rollups.MOST_DECIMALS, decimals)[edges // rows]
    whole = rollups.reduced(keys, starts.ravel()[edges], flat, edges, digits)
    bounds = np.searchsorted(edges // rows, np.arange(servers + 1)).tolist()
    return [rollups.rows(whole, slice(begin, end)) for begin, end in pairwise(bounds)]
