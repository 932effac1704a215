"""Deliveries taken by lease: those that wait longest, no more than are sent at once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import DateTimeField, F, QuerySet, Value
from django.db.models.functions import Coalesce

from alerts.models import Delivery
from core import runner
from core.locking import locked
from core.runner import INSTANCE

LEASE = timedelta(seconds=40)  # a send may take ten seconds, a slow mail server's dialogue a few times that
WITH = ("notice__incident", "person")  # what a message is made of is read when it is written


@transaction.atomic
def claim(channel: int, at: datetime, most: int) -> list[Delivery]:
    """Take those that wait longest; another process that asks at the same time gets others."""
    chosen = Delivery.objects.due(at).filter(channel=channel).order_by("due_at", "pk")
    found = list(locked(chosen.select_related(*WITH), skip=True)[:most])
    for one in found:
        one.lease_owner, one.lease_until, one.attempts = INSTANCE, at + LEASE, one.attempts + 1
        one.tried_at = one.tried_at or at
    if found:
        Delivery.objects.filter(pk__in=[one.pk for one in found]).update(
            lease_owner=INSTANCE, lease_until=at + LEASE, attempts=F("attempts") + 1,
            tried_at=Coalesce("tried_at", Value(at, DateTimeField())),
        )  # fmt: skip
    return found


def release(untried: Iterable[Delivery]) -> None:
    """Give back what was taken and not tried: the channel rests."""
    for one in untried:
        fresh = None if one.attempts == 1 else one.tried_at
        ours([one], one.attempts).update(lease_owner="", lease_until=None, attempts=F("attempts") - 1, tried_at=fresh)


def ours(deliveries: Iterable[Delivery], attempts: int) -> QuerySet[Delivery]:
    """This very try of theirs: one that outlived its lease must not undo what another made of it."""
    mine = Delivery.objects.filter(pk__in=[one.pk for one in deliveries], state="waiting", attempts=attempts)
    return mine.filter(lease_owner=INSTANCE)


@transaction.atomic
def retry(delivery: Delivery, now: datetime) -> bool:
    """A dead letter is tried once more, as if it were new; false where it is none. A digest tells the same again."""
    dead = Delivery.objects.filter(state="dead")
    fresh = {
        "state": "waiting",
        "due_at": now,
        "attempts": 0,
        "tried_at": None,
        "lease_owner": "",
        "lease_until": None,
    }
    done = dead.filter(pk=delivery.pk).update(folded_in=None, **fresh)
    if done:
        dead.filter(folded_in=delivery.pk).update(**fresh)
    transaction.on_commit(lambda: runner.wake("deliver"))
    return bool(done)
