"""Deliveries that are due: claimed by lease, sent, marked after the answer; one thread a channel.

A hung receiver holds up its own channel alone. A crash between sending and marking repeats with the same key.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import connections, transaction
from django.db.models import Min, QuerySet

from alerts import messages
from alerts.channels.base import DeliveryError, Kind, channels
from alerts.models import Channel, Delivery
from core.clock import now
from core.registry import Unknown
from core.runner import INSTANCE, Loop
from core.sealed import Broken

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=40)  # a send may take ten seconds, a slow mail server's dialogue a few times that
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 300.0
GIVE_UP = timedelta(hours=24)
IDLE = 30.0


@dataclass
class Tally:
    """What was delivered since the start, for /metrics."""

    sent: int = 0
    failed: int = 0
    dead: int = 0


tally = Tally()


class Dispatcher(Loop):
    """Looks which channels have deliveries due and keeps a courier busy for each."""

    def __init__(self) -> None:
        super().__init__("deliver", self._dispatch)
        self.couriers: dict[int, Courier] = {}

    def _dispatch(self) -> bool:
        at = now()
        for channel in Delivery.objects.due(at).order_by().values_list("channel_id", flat=True).distinct():
            courier = self.couriers.get(channel)
            if courier is None or not courier.is_alive():
                courier = self.couriers[channel] = Courier(channel)
                courier.start()
            courier.event.set()
        self.every = self._until_next(at)
        return False

    def _until_next(self, at: datetime) -> float:
        """Sleep no longer than to the next due time: retries and group waits end between sweeps."""
        waiting = Delivery.objects.filter(state="waiting", due_at__gt=at)
        soonest = waiting.aggregate(at=Min("due_at"))["at"]
        return 5.0 if soonest is None else min(5.0, max(0.02, (soonest - at).total_seconds()))

    def end(self, seconds: float) -> None:
        super().end(seconds)
        until = time.monotonic() + seconds
        for courier in self.couriers.values():
            courier.stopping = True
            courier.event.set()
        for courier in self.couriers.values():
            courier.join(max(0.0, until - time.monotonic()))


class Courier(threading.Thread):
    """Sends what is due on one channel, one after the other; goes when nothing came for a while."""

    def __init__(self, channel: int) -> None:
        super().__init__(name=f"courier-{channel}", daemon=True)
        self.channel = channel
        self.event = threading.Event()
        self.stopping = False

    def run(self) -> None:
        try:
            while not self.stopping and self.event.wait(IDLE):
                self.event.clear()
                while not self.stopping and deliver_next(self.channel):
                    pass
        except Exception:
            log.exception("Courier of channel %d failed; the next sweep starts another", self.channel)
        finally:
            connections.close_all()


def deliver_next(channel: int) -> bool:
    """Claim and send one delivery of a channel; false when none is due."""
    delivery = claim(channel, now())
    if delivery is None:
        return False
    try:
        _send(delivery)
    except DeliveryError as error:
        _failed(delivery, error, now())
    except Exception as error:
        # A fault of ours in one kind of channel must not stop the others, nor lose the notice.
        log.exception("Delivery %s failed", delivery.uuid)
        _failed(delivery, DeliveryError(f"Watchkeeper could not send it: {error}"), now())
    else:
        _sent(delivery, now())
    return True


@transaction.atomic
def claim(channel: int, at: datetime) -> Delivery | None:
    """Take the delivery that waits longest; another process that asks at the same time gets another."""
    chosen = Delivery.objects.due(at).filter(channel=channel).order_by("due_at", "pk")
    delivery = chosen.select_for_update(skip_locked=True, of=("self",)).first()
    if delivery is None:
        return None
    delivery.lease_owner, delivery.lease_until = INSTANCE, at + LEASE
    delivery.attempts += 1
    delivery.save(update_fields=["lease_owner", "lease_until", "attempts"])
    return delivery


def _send(delivery: Delivery) -> None:
    _kind(delivery.channel).send(messages.compose(delivery), delivery.recipient)


def _kind(channel: Channel) -> Kind:
    try:
        return channels.get(channel.kind)(channel.config)
    except (Unknown, Broken, ValueError, ValidationError) as error:
        raise DeliveryError(str(error), permanent=True) from error


def send_test(channel: Channel) -> int:
    """Send a test message to each recipient at once; how many took it."""
    kind = _kind(channel)
    recipients = kind.recipients()
    for to in recipients:
        kind.send(messages.test_message(channel), to)
    return len(recipients)


def _ours(delivery: Delivery) -> QuerySet[Delivery]:
    """This very try: one that outlived its lease must not undo what another made of it."""
    mine = Delivery.objects.filter(pk=delivery.pk, state="waiting", attempts=delivery.attempts)
    return mine.filter(lease_owner=INSTANCE)


def _sent(delivery: Delivery, at: datetime) -> None:
    tally.sent += 1
    _ours(delivery).update(state="sent", sent_at=at, lease_until=None, lease_owner="", error="")


def _failed(delivery: Delivery, error: DeliveryError, at: datetime) -> None:
    """For good, or again after a growing pause; a day later it is a dead letter that people see."""
    tally.failed += 1
    dead = error.permanent or at - delivery.notice.at > GIVE_UP
    tally.dead += dead
    log.warning("Delivery %s by %s failed: %s", delivery.uuid, delivery.channel, error)
    _ours(delivery).update(
        state="dead" if dead else "waiting",
        lease_until=None,
        lease_owner="",
        error=str(error)[:500],
        due_at=at + timedelta(seconds=pause(delivery.attempts, error.after)),
    )


def pause(attempts: int, asked: float | None) -> float:
    """What the receiver asked for, to the second; else doubling, with jitter so that retries do not march."""
    if asked is not None:
        return min(asked, 3600.0)
    grown: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempts - 1))
    return grown * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret
