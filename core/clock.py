"""The time, asked for in one place so that tests can hold it still."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)


def milliseconds() -> int:
    """Now as the store keeps it: whole milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def from_milliseconds(value: int) -> datetime:
    return datetime.fromtimestamp(value / 1000, UTC)
