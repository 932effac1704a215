"""What large bodies may hold in memory: all together, and those of one server."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Self

from core.errors import Busy

SMALL = 64 << 10
MOST_IN_WORK = 64 << 20
MOST_OF_ONE = 24 << 20  # one post as it came and unpacked


class Share:
    """What one post holds of the budget; it only grows, and is given back at once."""

    def __init__(self, budget: Budget, server: int) -> None:
        self.budget = budget
        self.server = server
        self.held = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.held:
            self.budget.give(self.server, self.held)

    def grow(self, size: int) -> None:
        """Hold this much; small bodies are free, so that a few large ones never keep the others out."""
        if size > max(self.held, SMALL):
            self.budget.take(self.server, size - self.held)
            self.held = size


class Budget:
    """Bytes of bodies between the first byte and the checked rows."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.held = 0
        self.of_server: Counter[int] = Counter()

    def take(self, server: int, size: int) -> None:
        with self.lock:
            if self.held + size > MOST_IN_WORK or self.of_server[server] + size > MOST_OF_ONE:
                raise Busy("Too many large posts are in work; send it again in a moment.", retry=5)
            self.held += size
            self.of_server[server] += size

    def give(self, server: int, size: int) -> None:
        with self.lock:
            self.held -= size
            self.of_server[server] -= size
            if not self.of_server[server]:
                del self.of_server[server]

    def share(self, server: int) -> Share:
        return Share(self, server)


bodies = Budget()
