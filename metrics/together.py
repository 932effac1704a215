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
    for layout, rows, servers in _groups(by_server):
        most = max(1, MOST_CELLS // (rows * len(layout.columns)))
        for place in range(0, len(servers), most):
            yield from _together(layout, servers[place : place + most], by_server)


def _groups(by_server: ByServer) -> Iterator[tuple[Known, int, list[int]]]:
    """Servers of as many posts of one row of one layout, whose series are all good."""
    groups: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for server, rows in by_server.items():
        (layout, size), *more = {(row[2], len(row[4])) for row in rows}
        if not more and size * len(rows) <= 8 * MOST_CELLS * 4:  # more is cut into shares by who does it alone
            groups[layout, size, len(rows)].append(server)
    for (layout, size, count), servers in groups.items():
        known = _known(layout) if len(servers) >= LEAST else None
        if known and size == 8 * (len(known.columns) + 1) and _single(known.series):
            yield known, count, servers


def _single(series: Ints) -> bool:
    return bool(series.all()) and len(np.unique(series)) == len(series)


def _known(layout: int) -> Known | None:
    try:
        return layouts.by(layout)
    except Layout.DoesNotExist:
        return None  # whoever does one server at a time tells of it


def _together(layout: Known, servers: list[int], by_server: ByServer) -> Iterator[Made]:
    count = len(layout.columns)
    whole = np.frombuffer(b"".join([row[4] for server in servers for row in by_server[server]]), "<i8")
    whole = whole.reshape(len(servers), -1, count + 1)
    times = np.ascontiguousarray(whole[:, :, 0])
    # In order, and of one hour: the others are not alike.
    fits = (np.diff(times, axis=1) > 0).all(1) & (times[:, 0] // HOUR == times[:, -1] // HOUR)
    if not fits.all():
        servers = [server for server, fit in zip(servers, fits.tolist(), strict=True) if fit]
        times, whole = times[fits], whole[fits]
    if servers:
        order = np.argsort(layout.series)
        values = np.ascontiguousarray(whole[:, :, 1:]).view("<f8")[:, :, order]
        yield from _made(layout.id, layout.series[order], times, values, [by_server.pop(one) for one in servers])


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
