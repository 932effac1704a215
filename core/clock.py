"""The time, asked for in one place so that tests can hold it still."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

SET = 60_000_000_000  # nanoseconds: less is a clock that is being corrected
BELIEVED = 86_400_000_000_000


def now() -> datetime:
    return datetime.now(UTC)


def milliseconds() -> int:
    """Now as the store keeps it: whole milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


class _Steady:
    """The clock as it went before somebody set it, for a day; then what it says now is believed."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.offset = time.time_ns() - time.monotonic_ns()
        self.set_at: int | None = None

    def __call__(self) -> int:
        monotonic = time.monotonic_ns()
        offset = time.time_ns() - monotonic
        with self.lock:
            if abs(offset - self.offset) < SET:
                self.offset, self.set_at = offset, None
            elif self.set_at is None:
                self.set_at = monotonic
            elif monotonic - self.set_at > BELIEVED:
                self.offset, self.set_at = offset, None
            return (monotonic + self.offset) // 1_000_000


# What a clock that jumps must not decide: which samples are refused for good, and what is deleted.
steady = _Steady()


def from_milliseconds(value: int) -> datetime:
    return datetime.fromtimestamp(value / 1000, UTC)
