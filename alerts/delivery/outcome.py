"""What becomes of a delivery that was tried: sent, tried again later, told otherwise, or a dead letter."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from alerts.channels.base import DeliveryError, Gone, Sent
from alerts.delivery import breaker, fallback, kinds, storm, subscriptions
from alerts.delivery.claiming import ours
from alerts.models import Delivery
from core import apart

log = logging.getLogger(__name__)

FIRST_PAUSE = 5.0
LONGEST_PAUSE = 300.0
GIVE_UP = timedelta(hours=24)
AT_ONCE = 500


@dataclass
class Tally:
    """What was delivered since the start, for /metrics."""

    sent: int = 0
    failed: int = 0
    dead: int = 0


tally = Tally()


@transaction.atomic(savepoint=False)
def sent(taken: Iterable[tuple[Delivery, Sent]], at: datetime) -> None:
    """Most are answered in the same words and written down together."""
    alike: dict[tuple[str, str, int], list[Delivery]] = {}
    for delivery, answer in taken:
        tally.sent += 1
        text = kinds.redacted(answer.answer, delivery.channel)[:500]
        alike.setdefault((text, answer.reference[:200], delivery.attempts), []).append(delivery)
        if delivery.notice.kind == storm.KIND:
            storm.told(delivery, at)
    for (text, reference, attempts), some in alike.items():
        ours(some, attempts).update(
            state="sent", sent_at=at, lease_until=None, lease_owner="", error="", answer=text, reference=reference
        )


@transaction.atomic(savepoint=False)
def failed(delivery: Delivery, error: DeliveryError, at: datetime) -> bool:
    """For good, or again after a growing pause; a day later it is a dead letter. Whether the channel rests now."""
    tally.failed += 1
    dead = error.permanent or at - (delivery.tried_at or at) > GIVE_UP
    tally.dead += dead
    text = kinds.redacted(str(error), delivery.channel)
    log.warning("Delivery %s by %s failed: %s", delivery.uuid, delivery.channel, text)
    changed = ours([delivery], delivery.attempts).update(
        state="dead" if dead else "waiting", lease_until=None, lease_owner="", error=text[:500],
        answer=kinds.redacted(error.answer, delivery.channel)[:500],
        due_at=at + timedelta(seconds=pause(delivery.attempts, error.after)),
    )  # fmt: skip
    if not changed:
        return False
    if isinstance(error, Gone):
        subscriptions.remove(delivery.channel_id, delivery.recipient)
    if dead:
        _otherwise(delivery, at, text)
    return breaker.failed(delivery.channel, error, at, text)


def give_up(now: datetime) -> int:
    """What waited a day behind a channel that rests is a dead letter: too few of them are tried to find it out."""
    day = now - GIVE_UP
    old = Q(tried_at__lt=day) | Q(tried_at=None, due_at__lt=day)
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    chosen = Delivery.objects.filter(old, free, state="waiting", folded_in=None, channel__resting_until__gt=now)
    old_ones = list(chosen.select_related("notice", "channel__fallback")[:AT_ONCE])
    return len(old_ones) - len(apart.each(old_ones, lambda one: _give_up(one, now), "Giving up a delivery"))


@transaction.atomic
def _give_up(delivery: Delivery, now: datetime) -> bool:
    text = delivery.error or f"Nothing went out over {delivery.channel} for a day."
    same = Delivery.objects.filter(pk=delivery.pk, state="waiting", attempts=delivery.attempts)
    if not same.update(state="dead", error=text[:500], lease_until=None, lease_owner=""):
        return False
    tally.dead += 1
    _otherwise(delivery, now, text)
    return True


def _otherwise(delivery: Delivery, now: datetime, why: str) -> None:
    """It is dead whatever becomes of its other way: else it would be tried again for ever."""
    lost = storm.lost(delivery, why) if delivery.notice.kind == storm.KIND else [delivery]
    apart.each(lost, lambda one: fallback.instead(one, now), "Another way for a delivery")


def pause(attempts: int, asked: float | None) -> float:
    """What the receiver asked for, to the second; else doubling, with jitter so that retries do not march."""
    if asked is not None:
        return min(asked, breaker.LONGEST_ASKED)
    grown: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempts - 1, 10))
    return grown * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret
