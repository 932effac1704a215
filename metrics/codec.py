"""Samples as a small blob: times and columns of numbers, kept to the last bit, read column by column."""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from typing import NamedTuple

import cramjam
import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Values = NDArray[np.float64]
Keys = NDArray[np.int64]

VERSION = 0
HEAD = struct.Struct("<BII")


class CorruptBlob(ValueError):
    """What was stored cannot be read; the text says why."""


class Part(NamedTuple):
    """Columns of one blob, in its order: values[row, column], NaN where nothing was measured."""

    times: Times
    keys: Keys
    values: Values


def encode(times: Times, keys: Sequence[int] | Keys, values: Values, *, frame: int = 8) -> bytes:
    """Pack n rows of m columns; `frame` columns are unpacked together when one of them is read."""
    count, columns = values.shape
    body = b"".join(
        (
            np.asarray(times, "<i8").tobytes(),
            np.asarray(keys, "<i8").tobytes(),
            np.asarray(values, "<f8").tobytes(),
        )
    )
    return HEAD.pack(VERSION, count, columns) + bytes(cramjam.zstd.compress(body, 1))


def keys(data: bytes | memoryview) -> Keys:
    """The keys of a blob in its order."""
    return read(data).keys


def read(data: bytes | memoryview, keys: Collection[int] | None = None) -> Part:
    """The asked columns of a blob (all of them without `keys`)."""
    version, count, columns = HEAD.unpack_from(data)
    if version != VERSION:
        raise CorruptBlob(f"This blob has the version {version}, which is not known.")
    size = 8 * (count + columns + count * columns)
    body = bytes(cramjam.zstd.decompress(bytes(data[HEAD.size :]), output_len=size))
    times = np.frombuffer(body, "<i8", count)
    found = np.frombuffer(body, "<i8", columns, offset=8 * count)
    values = np.frombuffer(body, "<f8", count * columns, offset=8 * (count + columns)).reshape(count, columns)
    if keys is None:
        return Part(times, found, values)
    wanted = np.isin(found, np.fromiter(keys, np.int64))
    return Part(times, found[wanted], values[:, wanted])
