"""What is the same for many people for a while: made by the first who asks, kept for some seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lately(Generic[T]):
    """One at a time makes it: the second finds what the first has made."""

    def __init__(self, seconds: float, most: int = 8) -> None:
        self.seconds = seconds
        self.most = most
        self.kept: dict[Hashable, tuple[float, T]] = {}
        self.lock = threading.Lock()

    def __call__(self, key: Hashable, make: Callable[[], T]) -> T:
        with self.lock:
            held = self.kept.get(key)
            if held is None or not 0 <= time.monotonic() - held[0] < self.seconds:
                if len(self.kept) >= self.most:
                    self.kept.clear()
                held = self.kept[key] = (time.monotonic(), make())
            return held[1]
