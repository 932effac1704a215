"""What was read and may be asked again: kept while it is used and room is left, and only as long as it is true."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

MOST_BYTES = 24 << 20
OF_ENTRY = 200  # bytes that an entry takes beside what is counted


class Ready:
    """Each answer stands under what was asked, with a mark of what it was made of: another mark, another answer."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.most = most
        self.lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        with self.lock:
            self.kept: OrderedDict[Hashable, tuple[Hashable, Any, int]] = OrderedDict()
            self.bytes = 0

    def get(self, key: Hashable, mark: Hashable) -> Any:
        """None where it was not asked before, or is not true any more."""
        with self.lock:
            held = self.kept.get(key)
            if held is None or held[0] != mark:
                return None
            self.kept.move_to_end(key)
            return held[1]

    def put(self, key: Hashable, mark: Hashable, value: Any, size: int) -> None:
        with self.lock:
            self._drop(key)
            self.kept[key] = mark, value, size
            self.bytes += size
            while self.bytes > self.most:
                self._drop(next(iter(self.kept)))

    def _drop(self, key: Hashable) -> None:
        held = self.kept.pop(key, None)
        if held is not None:
            self.bytes -= held[2]


ready = Ready()
