"""The largest tail of each hour of the last weeks, as a few hundred bytes beside a server."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HOUR = 3_600_000
KEPT = 24 * 14

Hours = dict[int, float]


def columns(blob: bytes | memoryview) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The hours and their maxima, for many servers at once."""
    found = np.frombuffer(bytes(blob), _KIND)
    return found["hour"].astype(np.int64), found["most"].astype(np.float64)


def unpack(blob: bytes | memoryview) -> Hours:
    found = np.frombuffer(bytes(blob), _KIND)
    return dict(zip(found["hour"].tolist(), found["most"].tolist(), strict=True))


def pack(hours: Hours) -> bytes:
    kept = sorted(hours.items())[-KEPT:]
    return np.array(kept, _KIND).tobytes()


def raise_to(hours: Hours, at: int, tail: float) -> bool:
    """Take a tail in; true when it changed anything worth writing."""
    hour = at // HOUR
    before = hours.get(hour)
    if before is None or tail > before:
        hours[hour] = tail
        return True
    return False


def before(hours: Hours, at: int, days: int) -> NDArray[np.float64]:
    """The maxima of the whole hours before a moment, the past alone."""
    until = at // HOUR
    return np.array([most for hour, most in sorted(hours.items()) if until - 24 * days <= hour < until], np.float64)


_KIND = np.dtype([("hour", "<i4"), ("most", "<f4")])
