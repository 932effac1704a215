"""Rows as bytes: int64 milliseconds of all rows, then float64 values row by row; NaN is "not measured"."""

from __future__ import annotations

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
