"""Wrong keys come by the thousand: counted in memory, written ten at a time; and how fast one token may ask."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from django.conf import settings

from accounts import limits
from accounts.limits import Limited

AT_ONCE = 10
LOOK_EVERY = 5.0
MOST_PLACES = 10_000
PROVEN_FOR = 600.0


@dataclass
class _Place:
    unwritten: int = 0
    written_at: float = float("-inf")
    waits_until: float = 0.0


class Strangers:
    """Addresses that send wrong keys. A key that was right lately is never made to wait for others' wrong ones."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.places: dict[tuple[str, str], _Place] = {}
        self.waiting_places: dict[tuple[str, str], float] = {}
        self.proven: dict[str, float] = {}

    def waiting(self, kind: str, address: str) -> Limited | None:
        """Whether this address must wait, as far as memory knows; costs nothing while nobody must."""
        if not self.waiting_places:
            return None
        where = (kind, limits.place(address))
        left = self.waiting_places.get(where, 0.0) - time.monotonic()
        if left <= 0:
            self.waiting_places.pop(where, None)
            return None
        return Limited(kind, int(left) + 1)

    def add(self, kind: str, address: str) -> bool:
        """Count a wrong key; whether it is time to write. Never touches the database."""
        where, at = (kind, limits.place(address)), time.monotonic()
        with self.lock:
            if len(self.places) > MOST_PLACES:
                self.places.clear()
            one = self.places.setdefault(where, _Place())
            one.unwritten += 1
            # One that had to wait just now may have been cleared by a site owner: ask again soon.
            return one.unwritten >= AT_ONCE or (one.waits_until > 0 and at - one.written_at > LOOK_EVERY)

    def write(self, kind: str, address: str) -> Limited | None:
        """Bring what was counted into the table, which all processes share."""
        where = (kind, limits.place(address))
        with self.lock:
            one = self.places.setdefault(where, _Place())
            by, one.unwritten, one.written_at = one.unwritten, 0, time.monotonic()
        limited = limits.count(kind, where[1], by) if by else limits.check(kind, where[1])
        one.waits_until = time.monotonic() + limited.seconds if limited else 0.0
        if limited:
            # Not as long as it holds: who clears it in the admin is heard by all processes within seconds.
            self.waiting_places[where] = time.monotonic() + min(limited.seconds, LOOK_EVERY)
        return limited

    def wrong(self, kind: str, address: str) -> Limited | None:
        """Both, where a thread may wait for the database."""
        return self.write(kind, address) if self.add(kind, address) else None

    def right(self, key: str) -> None:
        if len(self.proven) > MOST_PLACES:
            self.proven.clear()
        self.proven[key] = time.monotonic()

    def was_right(self, key: str) -> bool:
        return time.monotonic() - self.proven.get(key, float("-inf")) < PROVEN_FOR


strangers = Strangers()


def wrong_secret(kind: str, address: str) -> None:
    """A secret that somebody sent by hand is unknown; raises 429 where that were too many."""
    if limited := limits.count(kind, limits.place(address)):
        raise limited.failure()


class Pace:
    """So many requests a minute of one token and process; a minute's worth may come at once."""

    SPAN = 60.0

    def __init__(self, per_minute: int) -> None:
        self.step = self.SPAN / per_minute
        self.due: dict[str, float] = {}

    def take(self, key: str) -> float:
        """Seconds to wait; 0 lets the request through."""
        at = time.monotonic()
        due = max(self.due.get(key, at), at)
        if due - at > self.SPAN:
            return due - at - self.SPAN
        if len(self.due) > MOST_PLACES:
            self.due.clear()
        self.due[key] = due + self.step
        return 0.0


pace = Pace(settings.API_RATE)


def paced(key: str) -> Limited | None:
    left = pace.take(key)
    return Limited("api_rate", int(left) + 1) if left else None
