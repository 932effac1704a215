"""A plainer form of the codec for what is soon read and packed anew: many blobs alike are made in one go.

Head | check sum | one stream: times, keys, first values, decimals, gaps, then differences by planes of bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection
from itertools import accumulate, pairwise
from typing import NamedTuple

import cramjam
import numpy as np
from numpy.typing import NDArray

from metrics import columns
from metrics.columns import Bytes, Floats, Ints

VERSION = 2
# version, columns, rows, planes, whether values are missing; then a check sum over head and stream
HEAD = struct.Struct("<BIIBB")
SUM = struct.Struct("<I")
LEVEL = 1
MOST_CELLS = 1 << 25
MOST_PLANES = 8
OF_COLUMN = 17  # key, first value, decimals


class Many(NamedTuple):
    """Blobs of as many tables, and how many decimals their columns need (columns.BITS: none suffice)."""

    blobs: list[bytes]
    decimals: Ints


class Small(NamedTuple):
    """Tables made small: first values, differences by table, plane, column and row; planes in use."""

    first: Ints
    decimals: Ints
    octets: Bytes
    planes: list[int]


def encode_many(times: Ints, keys: Ints, values: Floats) -> Many:
    """Pack values[table, column, row] with times[table, row]; a column that was never measured is left out."""
    tables, count, rows = values.shape
    missing = np.isnan(values)
    holed = np.asarray(missing.reshape(tables, -1).any(1))
    there = np.asarray(~missing.all(2))
    small = _small(_filled(values, missing, holed))
    bends = np.diff(times, axis=1, prepend=0)
    bends[:, 2:] = np.diff(bends[:, 1:], axis=1)
    whole = np.diff(keys, prepend=0).tobytes()
    blobs = []
    for at in range(tables):
        chosen: slice | NDArray[np.intp] = slice(None)
        named, held = whole, count
        if not there[at].all():
            chosen = np.flatnonzero(there[at])
            named, held = np.diff(keys[chosen], prepend=0).tobytes(), len(chosen)
        stream = b"".join((
            bends[at].tobytes(), named, small.first[at, chosen].tobytes(),
            small.decimals[at, chosen].astype(np.uint8).tobytes(),
            np.packbits(missing[at, chosen]).tobytes() if holed[at] else b"",
            small.octets[at][: small.planes[at], chosen].tobytes(),
        ))  # fmt: skip
        head = HEAD.pack(VERSION, held, rows, small.planes[at], bool(holed[at]))
        packed = bytes(cramjam.zstd.compress(stream, LEVEL))
        blobs.append(head + SUM.pack(zlib.crc32(packed, zlib.crc32(head))) + packed)
    return Many(blobs, small.decimals)


def _filled(values: Floats, missing: NDArray[np.bool_], holed: NDArray[np.bool_]) -> Floats:
    """Gaps hold what was measured before them, so that they cost nothing."""
    if not holed.any():
        return values
    gone, some = missing[holed], values[holed]
    before = np.where(gone, 0, np.arange(values.shape[2]))
    np.maximum.accumulate(before, axis=2, out=before)
    filled = values.copy()
    filled[holed] = np.nan_to_num(np.take_along_axis(some, before, axis=2), nan=0.0, posinf=np.inf, neginf=-np.inf)
    return filled


def _small(values: Floats) -> Small:
    tables, count, rows = values.shape
    with np.errstate(all="ignore"):
        numbers, decimals = columns.scaled(values.reshape(-1, rows))
    words = np.zeros((tables, count, rows), np.uint64)
    steps = numbers[:, 1:] - numbers[:, :-1]
    words.reshape(-1, rows)[:, 1:] = columns.zigzag(steps)
    planes = [(int(top).bit_length() + 7) // 8 for top in words.reshape(tables, -1).max(1, initial=0)]
    octets = words.view(np.uint8).reshape(tables, count, rows, 8)[..., : max(planes, default=0)]
    return Small(
        numbers[:, 0].reshape(tables, count),
        decimals.reshape(tables, count),
        np.ascontiguousarray(octets.transpose(0, 3, 1, 2)),
        planes,
    )


# Reading


class Opened(NamedTuple):
    """What a stream holds, not yet made values."""

    times: Ints
    keys: Ints
    first: Ints
    decimals: Ints
    missing: NDArray[np.bool_] | None
    octets: Bytes


class Unpacked(NamedTuple):
    """A stream and where each of its fields begins: times, keys, first values, decimals, gaps, differences."""

    octets: Bytes
    places: tuple[int, ...]
    width: int
    rows: int
    planes: int
    gaps: bool

    @property
    def times(self) -> Ints:
        moments = self.octets[: 8 * self.rows].view(np.int64)
        np.cumsum(moments[1:], out=moments[1:])
        np.cumsum(moments, out=moments)
        return moments

    @property
    def keys(self) -> Ints:
        return self.octets[self.places[1] : self.places[2]].view(np.int64).cumsum()


def unpacked(data: memoryview) -> Unpacked:
    """Raises ValueError, struct.error or DecompressionError where it is damaged."""
    _version, count, rows, planes, gaps = HEAD.unpack_from(data)
    start = HEAD.size + SUM.size
    if max(rows, count, count * rows) > MOST_CELLS or planes > MOST_PLANES or gaps > 1 or not rows:
        raise ValueError("its head says it is larger than any that is written")
    stream = data[start:]
    if SUM.unpack_from(data, HEAD.size) != (zlib.crc32(stream, zlib.crc32(data[: HEAD.size])),):
        raise ValueError("its sum is wrong")
    masks = (count * rows + 7) // 8 * gaps
    places = tuple(accumulate((0, 8 * rows, 8 * count, 8 * count, count, masks, planes * count * rows)))
    room = bytearray(places[-1])
    if cramjam.zstd.decompress_into(stream, memoryview(room)) != len(room):
        raise ValueError("it is shorter than it should be")
    return Unpacked(np.frombuffer(room, np.uint8), places, count, rows, planes, bool(gaps))


def opened(data: memoryview) -> Opened:
    """All of it; raises as above."""
    whole = unpacked(data)
    count, rows = whole.width, whole.rows
    _, _, first, decimals, bits, octets = (whole.octets[begin:end] for begin, end in pairwise(whole.places))
    missing = None
    if whole.gaps:
        missing = np.unpackbits(bits, count=count * rows).view(np.bool_).reshape(count, rows)
    found = decimals.astype(np.int64)
    if found.max(initial=0) > columns.BITS:
        raise ValueError("its decimals are none")
    return Opened(
        whole.times, whole.keys, first.view(np.int64), found, missing,
        octets.reshape(whole.planes, count, rows),
    )  # fmt: skip


def chosen(found: Opened, keys: Collection[int] | None) -> tuple[Ints, Floats]:
    """The asked columns: their keys and values[column, row]."""
    if keys is not None:
        asked = set(keys)
        places = np.array([at for at, key in enumerate(found.keys.tolist()) if key in asked], np.int64)
        missing = None if found.missing is None else found.missing[places]
        found = Opened(
            found.times, found.keys[places], found.first[places], found.decimals[places], missing,
            found.octets[:, places],
        )  # fmt: skip
    return found.keys, _values(found)


def _values(found: Opened) -> Floats:
    planes, count, rows = found.octets.shape
    words = np.zeros((count, rows), np.uint64)
    into = words.view(np.uint8).reshape(count, rows, 8)
    for plane in range(planes):
        into[:, :, plane] = found.octets[plane]
    numbers = columns.unzigzag(words)
    numbers[:, 0] = found.first
    np.cumsum(numbers, axis=1, out=numbers)
    values: Floats = numbers / columns.POWERS[found.decimals][:, None]
    raw = found.decimals == columns.BITS
    if raw.any():
        values[raw] = numbers[raw].view(np.float64)
    if found.missing is not None:
        values[found.missing] = np.nan
    return values
