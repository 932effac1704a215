"""Looks which channels have deliveries due and keeps a courier busy for each."""

from __future__ import annotations

import time
from datetime import datetime

from django.db.models import Min

from alerts.delivery import breaker, fallback, outcome
from alerts.delivery.courier import Courier
from alerts.models import Delivery
from core.clock import now
from core.runner import Held, Loop

SWEEP = 5.0
SOONEST = 0.02
CROWDED = 0.2
MOST = 40  # couriers at once: each holds a connection to the database
CAREFUL = 10.0  # seconds after the start in which no channel has more than one message under way


class Dispatcher(Loop):
    """One thread a channel that has something to send; a hung receiver holds up its own alone."""

    def __init__(self) -> None:
        super().__init__("deliver", self._dispatch)
        self.couriers: dict[int, Courier] = {}
        self.careful_until = time.monotonic() + CAREFUL
        self.pulse = Held("pulse deliver", 30.0)
        self.swept = 0.0
        self.hopeless: set[int] = set()

    def _dispatch(self) -> bool:
        self.pulse.ours()
        at = now()
        if time.monotonic() - self.swept > SWEEP:
            outcome.give_up(at)
            fallback.sweep(at, self.hopeless)
            self.swept = time.monotonic()
        self.couriers = {channel: one for channel, one in self.couriers.items() if one.is_alive() and not one.gone}
        left_out = False
        for channel in self._due(at):
            left_out = not self._ask(channel) or left_out
        self.every = CROWDED if left_out else self._until_next(at)
        return False

    def _due(self, at: datetime) -> list[int]:
        """Channels that may send now, the one that waits longest first."""
        waiting = Delivery.objects.due(at).filter(breaker.awake(at)).order_by()
        firsts = waiting.values("channel_id").annotate(first=Min("due_at")).order_by("first")
        return [row["channel_id"] for row in firsts]

    def _ask(self, channel: int) -> bool:
        courier = self.couriers.get(channel)
        if courier is not None and courier.ask():
            return True
        if len(self.couriers) >= MOST:
            return False
        courier = self.couriers[channel] = Courier(channel, self.careful_until)
        courier.event.set()
        courier.start()
        return True

    def _until_next(self, at: datetime) -> float:
        """Sleep no longer than to the next due time: retries, group waits and rests end between sweeps."""
        waiting = Delivery.objects.filter(state="waiting", folded_in=None)
        soonest = waiting.filter(due_at__gt=at).aggregate(at=Min("due_at"))["at"]
        rested = waiting.filter(channel__resting_until__gt=at).aggregate(at=Min("channel__resting_until"))["at"]
        times = [moment for moment in (soonest, rested) if moment]
        if not times:
            return SWEEP
        ahead: float = (min(times) - at).total_seconds()
        return min(SWEEP, max(SOONEST, ahead))

    def end(self, seconds: float) -> None:
        super().end(seconds)
        until = time.monotonic() + seconds
        for courier in self.couriers.values():
            courier.stopping = True
            courier.event.set()
        for courier in self.couriers.values():
            courier.join(max(0.0, until - time.monotonic()))
        self.pulse.release()
