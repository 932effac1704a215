"""The loop that tells: woken by whoever made something due, else asleep until the next timer."""

from __future__ import annotations

from alerts.services import telling
from core.clock import now
from core.runner import Loop

SWEEP = 5.0


class Teller(Loop):
    """Groups, chains and reminders that are due, wherever they were made."""

    def __init__(self) -> None:
        super().__init__(telling.NAME, self._tell)

    def _tell(self) -> bool:
        at = now()
        soonest = telling.step(at)
        left = SWEEP if soonest is None else (soonest - now()).total_seconds()
        self.every = min(SWEEP, max(0.02, left))
        return False
