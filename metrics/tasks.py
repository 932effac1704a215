"""The store's work behind the door: seal, merge, expire; little at a time, one process at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable

from celery import shared_task

from core import memory
from core.clock import milliseconds, steady
from core.runner import Held
from metrics import merging, retention, sealing

LEASE = 60.0
MERGE_SECONDS = 0.3
MOST_SEALS = 20


class Alone:
    """One thread of one process at a time."""

    def __init__(self, name: str) -> None:
        self.lease = Held(name, LEASE)
        self.lock = threading.Lock()

    def do(self, work: Callable[[], bool], most: int) -> None:
        """Again while there is more, but not for ever."""
        if not self.lock.acquire(blocking=False):
            return
        worked = False
        try:
            for _ in range(most):
                if not (self.lease.ours() and work()):
                    break
                worked = True
        finally:
            self.lock.release()
            if worked:
                memory.give_back()


_sealing, _merging, _expiring = Alone("seal"), Alone("merge"), Alone("expire")


@shared_task(ignore_result=True, expires=10)  # type: ignore[untyped-decorator]
def seal() -> None:
    """Move journal rows that everybody has read into chunks."""
    _sealing.do(lambda: sealing.step(milliseconds()), MOST_SEALS)


@shared_task(ignore_result=True, expires=10)  # type: ignore[untyped-decorator]
def merge() -> None:
    """Make hours, days and months of what was sealed, for a moment."""
    _merging.do(lambda: merging.step(milliseconds(), MERGE_SECONDS), 1)


@shared_task(ignore_result=True, expires=300)  # type: ignore[untyped-decorator]
def expire() -> None:
    """Delete what is older than it is kept, and what is of servers that were removed."""
    _expiring.do(lambda: retention.step(min(milliseconds(), steady())), 1)
