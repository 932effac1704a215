"""Rows as bytes: int64 milliseconds of all rows, then float64 values row by row; NaN is "not measured"."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Values = NDArray[np.float64]


def pack(times: Times, values: Values) -> bytes:
    return times.astype("<i8").tobytes() + values.astype("<f8").tobytes()


def unpack(data: bytes | memoryview, columns: int) -> tuple[Times, Values]:
    count = len(data) // (8 * (columns + 1))
    times = np.frombuffer(data, "<i8", count)
    values = np.frombuffer(data, "<f8", count * columns, offset=8 * count).reshape(count, columns)
    return times, values


def joined(blobs: Sequence[bytes | memoryview], columns: int) -> tuple[Times, Values]:
    """Many of them as one."""
    size = 8 * (columns + 1)
    if all(len(data) == size for data in blobs):  # a row a post, as nearly always: all at once
        whole = np.frombuffer(b"".join(blobs), "<i8").reshape(len(blobs), columns + 1)
        return np.ascontiguousarray(whole[:, 0]), np.ascontiguousarray(whole[:, 1:]).view("<f8")
    unpacked = [unpack(data, columns) for data in blobs]
    return np.concatenate([times for times, _ in unpacked]), np.concatenate([values for _, values in unpacked])
