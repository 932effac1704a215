"""What the spool is made of: batches as they are posted, files as they are kept, and the caps on them."""

from __future__ import annotations

import array
import time
from typing import Any

Row = list[Any]  # [time, value or None, ...]


class Batch:
    """What one post carries; `numbers` are the rows it settles."""

    def __init__(self, boot: str, seq: int, layout: str, columns: list[str], rows: list[Row]) -> None:
        self.boot = boot
        self.seq = seq
        self.layout = layout
        self.columns = columns
        self.rows = rows
        self.extras: dict[str, Any] = {}
        self.numbers: list[int] = []


class Segment:
    """One file: rows `first` to `first + len(offsets) - 1`, and what was said about earlier ones."""

    def __init__(self, path: str, first: int, age: float = 0.0) -> None:
        self.path = path
        self.first = first
        self.offsets = array.array("Q")
        self.layouts: set[str] = set()
        self.size = 0
        self.born = time.monotonic() - age
        self.settled: float | None = None

    @property
    def end(self) -> int:
        return self.first + len(self.offsets)


class Limits:
    """The caps, and how big and old one file grows before the next is begun."""

    def __init__(
        self,
        size: int = 256 << 20,
        age: float = 7 * 86_400.0,
        segment_size: int = 1 << 20,
        segment_age: float = 600.0,
    ) -> None:
        self.size = size
        self.age = age
        self.segment_size = segment_size
        self.segment_age = segment_age
