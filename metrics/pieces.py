"""Buckets by metric of one hour, as seals and merges leave them until the day is over.

A series of many servers is a row of its own. Series that few servers have are bundled, else each of thousands
of them would be a row for each seal.
"""

from __future__ import annotations

import struct
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from metrics import codec, plain, rollups, tiers, turning
from metrics.codec import CorruptBlob
from metrics.models import FleetChunk
from metrics.rollups import COUNT, HIGH, KINDS, LOW, MEAN, Floats, Ints, Rolled
from metrics.tiers import RAW, SLOTS, STEP
from metrics.turning import Item

BUNDLE = 0  # in the place of a series: what a seal bundled; below it what was made anew, by its last series
RARE = 8  # servers of a block
TOGETHER = 4096  # buckets that are unpacked together
HEAD = struct.Struct("<II")  # check sum, groups
GROUP = struct.Struct("<qqI")  # first and last series, size
SERVER, SLOT, VALUES = 0, 1, 2  # columns of a bundle, the values by kind


def rows(block: int, span: int, part: int, items: Sequence[Item], bundle: int = BUNDLE) -> list[FleetChunk]:
    """The pieces of an hour of these servers and their series."""
    rare = _rare(items)
    made = []
    if len(rare):
        picked = [(server, rolled, np.isin(rolled.series, rare)) for server, rolled in items]
        data = _bundled([(server, _columns(rolled, some)) for server, rolled, some in picked if some.any()], span)
        made.append(FleetChunk(series_id=bundle, tier=RAW, block=block, span=span, part=part, data=data))
        items = [(server, _columns(rolled, ~some)) for server, rolled, some in picked if not some.all()]
    made += [
        FleetChunk(series_id=series, tier=RAW, block=block, span=span, part=part, data=data)
        for series, data in _packed(items, span)
    ]
    return made


def _rare(items: Sequence[Item]) -> Ints:
    series, servers = np.unique(np.concatenate([rolled.series for _, rolled in items]), return_counts=True)
    return series[servers < RARE]


def _columns(rolled: Rolled, some: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Rolled:
    kinds = (rolled.low, rolled.high, rolled.mean, rolled.count)
    return Rolled(rolled.t, rolled.series[some], *(kind[:, some] for kind in kinds))


# A series of many servers: a row a server, a column a bucket and kind


def _packed(items: Sequence[Item], span: int) -> Iterator[tuple[int, bytes]]:
    groups: dict[tuple[bytes, bytes], list[tuple[int, Rolled]]] = defaultdict(list)
    for series, rolled in turning.by_series(items):
        groups[rolled.t.tobytes(), rolled.series.tobytes()].append((series, rolled))
    for group in groups.values():
        first = group[0][1]
        keys = np.concatenate([(first.t - span) // STEP + kind * SLOTS for kind in range(KINDS)])
        values = np.stack([np.concatenate(_kinds(rolled)) for _, rolled in group])
        servers = np.repeat(first.series[None], len(group), axis=0)
        blobs = plain.encode_many(servers, keys, values).blobs
        yield from zip([series for series, _ in group], blobs, strict=True)


def _kinds(rolled: Rolled) -> list[Floats]:
    """By their numbers; 0 instead of "not measured", as the count says so already."""
    kinds = {MEAN: rolled.mean, LOW: rolled.low, HIGH: rolled.high, COUNT: rolled.count}
    return [np.where(rolled.count > 0, kinds[kind], 0.0) for kind in range(KINDS)]


def unpack(data: bytes | memoryview, span: int) -> Rolled:
    """One series of many servers."""
    part = tiers.read(data)
    kinds = [part.values[:, part.keys // SLOTS == kind].T for kind in range(KINDS)]
    return _rolled(span + part.keys[part.keys < SLOTS] * STEP, part.times, kinds)


def _rolled(t: Ints, servers: Ints, kinds: Sequence[Floats]) -> Rolled:
    known = kinds[COUNT] > 0
    low, high, mean = (np.where(known, kinds[kind], np.nan) for kind in (LOW, HIGH, MEAN))
    return Rolled(t, servers, low, high, mean, kinds[COUNT])


# A bundle: a row a bucket, in order of the series


def _bundled(items: Sequence[Item], span: int) -> bytes:
    entries = [_entries(server, rolled, span) for server, rolled in items]
    series = np.concatenate([found for found, _ in entries])
    cells = np.concatenate([found for _, found in entries])
    order = np.argsort(series, kind="stable")
    series, cells = series[order], cells[order]
    listed, blobs = [], []
    for place in range(0, len(series), TOGETHER):
        some = slice(place, place + TOGETHER)
        blobs.append(codec.encode(series[some], range(cells.shape[1]), cells[some]))
        listed.append(GROUP.pack(int(series[some][0]), int(series[some][-1]), len(blobs[-1])))
    head = b"".join(listed)
    return b"".join((HEAD.pack(zlib.crc32(head), len(listed)), head, *blobs))


def _entries(server: int, rolled: Rolled, span: int) -> tuple[Ints, Floats]:
    at, place = np.nonzero(rolled.count)
    cells = np.empty((len(at), VALUES + KINDS))
    cells[:, SERVER], cells[:, SLOT] = server, (rolled.t[at] - span) // STEP
    for kind, values in enumerate((rolled.mean, rolled.low, rolled.high, rolled.count)):
        cells[:, VALUES + kind] = values[at, place]
    return rolled.series[place], cells


def of_bundle(data: bytes | memoryview, span: int, series: int) -> Rolled:
    """What a bundle has of one series."""
    found = [_chosen(group, series) for group in _groups(memoryview(data), series)]
    cells = np.concatenate([np.empty((0, VALUES + KINDS)), *found])
    servers, slots = cells[:, SERVER].astype(np.int64), cells[:, SLOT].astype(np.int64)
    # A server that sent very much comes in helpings: each bucket once for each of them.
    parts = [_matrix(span, servers[turn], slots[turn], cells[turn]) for turn in _turns(servers * SLOTS + slots)]
    return rollups.add(parts)


def _groups(data: memoryview, series: int) -> Iterator[memoryview]:
    try:
        check, count = HEAD.unpack_from(data)
        head = data[HEAD.size : HEAD.size + count * GROUP.size]
        if zlib.crc32(head) != check or len(head) != count * GROUP.size:
            raise CorruptBlob("A bundle of series is damaged: the sum of its head is wrong.")
    except struct.error as error:
        raise CorruptBlob(f"A bundle of series cannot be read: {error}") from error
    place = HEAD.size + len(head)
    for first, last, size in GROUP.iter_unpack(head):
        if first <= series <= last:
            yield data[place : place + size]
        place += size


def _chosen(group: memoryview, series: int) -> Floats:
    part = tiers.read(group)
    first, last = np.searchsorted(part.times, [series, series + 1])
    return part.values[first:last]


def _turns(cells: Ints) -> Iterator[Ints]:
    left = np.arange(len(cells))
    while len(left):
        _, firsts = np.unique(cells[left], return_index=True)
        yield left[firsts]
        left = np.delete(left, firsts)


def _matrix(span: int, servers: Ints, slots: Ints, cells: Floats) -> Rolled:
    t, row = np.unique(slots, return_inverse=True)
    named, column = np.unique(servers, return_inverse=True)
    kinds = [np.zeros((len(t), len(named))) for _ in range(KINDS)]
    for kind in range(KINDS):
        kinds[kind][row, column] = cells[:, VALUES + kind]
    return _rolled(span + t * STEP, named, kinds)
