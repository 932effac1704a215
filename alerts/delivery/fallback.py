"""Another way for what one cannot deliver: the channel's fallback, or the person's next way."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from alerts.models import Channel, Delivery, Way
from alerts.services import people
from core import apart, runner

PATIENCE = timedelta(minutes=2)
AT_ONCE = 500
LOOKED_AT = 20_000
# Not a digest: what stands in it goes the other way one by one, where it may fill another.
TOLD = ("firing", "resolved", "repeat", "escalated", "acknowledged", "unacknowledged", "reminder")


def sweep(now: datetime, hopeless: set[int]) -> int:
    """Tell otherwise what has failed, or waited behind failures, for two minutes; its own tries go on.

    What has no other way is added to `hopeless`, so that it is not asked about at each sweep, before all others.
    """
    since = now - PATIENCE
    another = Delivery.objects.filter(instead_of=OuterRef("pk"))
    late = Q(tried_at__lte=since, attempts__gt=0) | Q(tried_at=None, due_at__lte=since, channel__failures__gt=0)
    somewhere = Q(channel__fallback__isnull=False) | Q(person__isnull=False)
    chosen = Delivery.objects.filter(late, somewhere, ~Exists(another), state="waiting", notice__kind__in=TOLD)
    late_ones = list(chosen.order_by("pk").values_list("pk", flat=True)[:LOOKED_AT])
    hopeless.intersection_update(late_ones)
    asked = [pk for pk in late_ones if pk not in hopeless][:AT_ONCE]
    rows = Delivery.objects.filter(pk__in=asked).select_related("notice", "channel__fallback").order_by("pk")
    hopeless.update(one.pk for one in apart.each(rows, lambda one: _sure(one, now, hopeless), "Another way"))
    return len(asked) - len(hopeless.intersection(asked))


def _sure(one: Delivery, now: datetime, hopeless: set[int]) -> None:
    if not instead(one, now):
        hopeless.add(one.pk)


@transaction.atomic
def instead(delivery: Delivery, now: datetime) -> int:
    """Write it down for the other way, once; 0 where there is none."""
    if delivery.notice.kind not in TOLD or Delivery.objects.filter(instead_of=delivery).exists():
        return 0
    channel = _next(delivery)
    if channel is None:
        return 0
    rows = [
        Delivery(
            notice=delivery.notice, channel=channel, recipient=to, due_at=now, instead_of=delivery,
            person_id=delivery.person_id if channel.own else None,
        )
        for to in people.recipients(channel)
    ]  # fmt: skip
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)
    transaction.on_commit(partial(runner.wake, "deliver"))
    return 1


def _next(delivery: Delivery) -> Channel | None:
    """The channel's own fallback; else, where a person is told, the next of their ways that was not used yet."""
    used = set(Delivery.objects.filter(notice=delivery.notice_id).values_list("channel_id", flat=True))
    fallback: Channel | None = delivery.channel.fallback
    if fallback is not None and fallback.enabled and fallback.pk not in used:
        return fallback
    if delivery.person_id is None:
        return None
    ways = Way.objects.filter(user=delivery.person_id, channel__enabled=True, channel__owner=F("user"))
    way = ways.exclude(channel__in=used).select_related("channel").order_by("place", "pk").first()
    if way is not None:
        found: Channel = way.channel
        return found
    address = people.own_address(delivery.person) if delivery.person else None
    return address if address and address.pk not in used else None
