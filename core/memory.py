"""Memory that was let go, given back to the system: the C library keeps it otherwise, for each thread its own."""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Callable

EVERY = 30.0

_lock = threading.Lock()
_given = float("-inf")


def _find() -> Callable[[int], int] | None:
    if sys.platform != "linux":
        return None
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):  # another C library: it gives memory back by itself, or never
        return None
    return found


_trim = _find()


def give_back() -> None:
    """After big work; it takes some milliseconds, so not each time."""
    global _given  # noqa: PLW0603 - one a process
    with _lock:
        if _trim is None or time.monotonic() - _given < EVERY:
            return
        _given = time.monotonic()
    _trim(0)
