"""The product watches itself: what stands still is told to people, and to an outside address by its silence.

One process at a time looks, by lease. A fault counts once it has lasted; what cannot be told because the
database or delivery itself is gone is told by the outside address, which hears of us only while all moves.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from accounts.models import Team
from alerts.models import Delivery, Incident
from alerts.services.troubles import trouble_begins, trouble_ends
from core import outgoing
from core.clock import now
from core.models import Lease
from core.runner import Held
from monitor.canary import Canary

log = logging.getLogger(__name__)

EVERY = 15.0
LASTING = timedelta(seconds=45)
LATE = timedelta(seconds=60)
PING_EVERY = timedelta(seconds=60)
KEY = "self "

Faults = Mapping[str, str]
Look = Callable[[datetime], str]


class SelfWatch:
    """A loop's step: looks at each part, remembers since when it fails, tells, and pings while all is well."""

    def __init__(self, canary: Canary | None = None) -> None:
        self.canary = canary or Canary()
        self.lease = Held("self watch", 45.0)
        self.since: dict[str, datetime] = {}
        self.began: datetime | None = None
        self.pinged: datetime | None = None
        self.ping_failed = ""

    def step(self, at: datetime | None = None) -> bool:
        if not self.lease.ours():
            self.since.clear()
            self.began = None
            return False
        at = at or now()
        # Just started: the others get as long to take their work up as a fault needs to count.
        self.began = self.began or at
        faults = self.look(at)
        self._tell(faults, at)
        if not faults:
            self._ping(at)
        return False

    def look(self, at: datetime) -> Faults:
        """What stands still now, by name: each a sentence that says what to look at."""
        flown = self.canary.look()
        found = {
            "store": flown.store or self.canary.send(),
            "rules": flown.rules,
            "telling": overdue_telling(at),
            "delivery": overdue_delivery(at),
            "couriers": no_courier(at),
            "schedule": no_schedule(at),
        }
        return {name: text for name, text in found.items() if text}

    def end(self) -> None:
        self.lease.release()

    def _tell(self, faults: Faults, at: datetime) -> None:
        for name in [name for name in self.since if name not in faults]:
            del self.since[name]
        for name, text in faults.items():
            began = self.since.setdefault(name, at)
            if at - began >= LASTING and (team := Team.objects.order_by("pk").first()):
                trouble_begins(KEY + name, team, text, at)
        for incident in Incident.objects.open().filter(key__startswith=KEY):
            if incident.key.removeprefix(KEY) not in faults:
                trouble_ends(incident.key, f"Watchkeeper is well again: {incident.title}", at)

    def _ping(self, at: datetime) -> None:
        """Once a minute, while ingest, rules and delivery were all seen to move."""
        url = settings.ENV.heartbeat_url
        if not url or (self.pinged and at - self.pinged < PING_EVERY) or self.canary.sent_at is None:
            return
        self.pinged = at
        try:
            # The address stands in the environment: it is the administrator's own choice, private or not.
            answer = outgoing.request("GET", url, timeout=10, trusted=True)
            fault = "" if answer.status < 400 else f"it answered {answer.status}"
        except (outgoing.Refused, outgoing.Unreachable) as error:
            fault = str(error)
        if fault and fault != self.ping_failed:
            log.warning("The outside address that expects our sign of life was not reached: %s", fault)
        self.ping_failed = fault


def overdue_telling(at: datetime) -> str:
    """Groups whose time to be told has passed."""
    late = Incident.objects.filter(next_at__lt=at - LATE).count()
    return f"{late} incidents wait to be told, though their time has come." if late else ""


def overdue_delivery(at: datetime) -> str:
    """Messages that nobody even tried, or whose sender is gone."""
    free = Q(lease_until=None) | Q(lease_until__lt=at)
    resting = Q(channel__resting_until__gt=at)
    late = Delivery.objects.due(at).filter(free, due_at__lt=at - LATE).exclude(resting).count()
    return f"{late} messages wait to be sent, though their time has come." if late else ""


def no_courier(at: datetime) -> str:
    """Whether any process sends messages at all."""
    if _beats("pulse deliver", at):
        return ""
    return "No process sends messages. In the scale-out profile: is a worker running?"


def no_schedule(at: datetime) -> str:
    """Whether the schedule is kept and a worker does what it asks for."""
    if _beats("pulse schedule", at):
        return ""
    return "The schedule is not kept: sweeps, rollups and clean-up do not run. Are beat and a worker running?"


def _beats(name: str, at: datetime) -> bool:
    return Lease.objects.filter(name=name, until__gt=at).exists()
