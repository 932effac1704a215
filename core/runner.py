"""Loops that do the rows that are due: woken by an event, swept by a timeout, stopped within bounds."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections

from core import live, shared
from core.clock import now
from core.locking import locked
from core.models import Lease

log = logging.getLogger(__name__)

# Process ids repeat (in containers they are all 1), so a lease is owned by a random name.
INSTANCE = secrets.token_hex(8)
CHANNEL = "watchkeeper:wake"
_events: dict[str, set[threading.Event]] = defaultdict(set)


def wake(name: str) -> None:
    """Something is due for the loops of this name, here and, with Redis, in every other process."""
    ring(name)
    if not settings.EMBEDDED:
        _publish(name)


def ring(name: str) -> None:
    for event in tuple(_events[name]):
        event.set()


def flag(name: str) -> threading.Event:
    """Set by every wake of this name, here and elsewhere; whoever minds it clears it."""
    event = threading.Event()
    event.set()
    _events[name].add(event)
    return event


class Loop(threading.Thread):
    """Call `step` whenever woken and at least every few seconds; `step` says whether more is due."""

    def __init__(self, name: str, step: Callable[[], bool], *, every: float = 5.0) -> None:
        super().__init__(name=name, daemon=True)
        self.step = step
        self.every = every
        self.event = threading.Event()
        self.stopping = False
        self.turned = time.monotonic()
        _events[name].add(self.event)

    def run(self) -> None:
        pause = 0.0
        while not self.stopping:
            try:
                more = self.step()
                pause = 0.0
            except Exception:
                # A loop must outlive whatever happened: the rows are still there and are tried again.
                log.exception("%s failed; trying again", self.name)
                self._fresh_connection()
                more, pause = False, min(max(pause * 2, 0.5), self.every)
            self.turned = time.monotonic()
            if not more:
                self.event.wait(pause or self.every)
                self.event.clear()
        connections.close_all()

    def turn_again(self) -> None:
        """A long step says that it still goes on."""
        self.turned = time.monotonic()

    def _fresh_connection(self) -> None:
        try:
            close_old_connections()
        except DatabaseError:
            connections.close_all()

    def end(self, seconds: float) -> None:
        """Ask it to stop after the present step and wait that long at most."""
        self.stopping = True
        _events[self.name].discard(self.event)
        self.event.set()
        self.join(seconds)
        if self.is_alive():
            log.warning("%s still works after %.1f s; its lease will lapse", self.name, seconds)


class Held:
    """A lease kept in memory and renewed at half its time, so that holding it costs no write a step."""

    def __init__(self, name: str, seconds: float = 15.0, owner: str = INSTANCE) -> None:
        self.name = name
        self.seconds = seconds
        self.owner = owner
        self.renew_at = 0.0
        self.held = False

    def ours(self) -> bool:
        if time.monotonic() >= self.renew_at:
            self.held = Lease.objects.take(self.name, self.owner, now(), self.seconds)
            self.renew_at = time.monotonic() + (self.seconds / 2 if self.held else 1.0)
        return self.held

    def release(self) -> None:
        if self.held:
            Lease.objects.release(self.name, self.owner)
        self.held, self.renew_at = False, 0.0

    def still(self) -> bool:
        """Inside a transaction: whether it is ours in the table, and stays so until the commit."""
        sure = locked(Lease.objects).filter(name=self.name, owner=self.owner).exists()
        if not sure:
            self.renew_at = 0.0
        return sure


def _publish(name: str) -> None:
    # The loops' own timeout is the net behind a lost wake.
    shared.patience.ask(lambda: shared.redis().publish(CHANNEL, name), None)


class RedisEars(threading.Thread):
    """Hears wakes of other processes."""

    def __init__(self) -> None:
        super().__init__(name="wake-ears", daemon=True)
        self.stopping = False

    def run(self) -> None:
        while not self.stopping:
            try:
                self._listen()
            except shared.ERRORS:
                time.sleep(1.0)
            except Exception:
                # Deaf ears would make every wake of another process as late as a sweep.
                log.exception("Wakes of other processes were not heard; listening again")
                time.sleep(1.0)

    def _listen(self) -> None:
        with shared.redis().pubsub(ignore_subscribe_messages=True) as ears:  # type: ignore[no-untyped-call]
            ears.subscribe(CHANNEL)
            live.catch_up()
            for name in tuple(_events):
                ring(name)  # what was said while nobody could hear
            while not self.stopping:
                message = ears.get_message(timeout=1.0)
                if message:
                    ring(message["data"].decode())

    def end(self, seconds: float) -> None:
        self.stopping = True
        self.join(seconds)
