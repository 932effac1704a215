"""How channels do: one truth for all who see them, whichever messages each may read."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from django.db.models import Count, Max, Q

from alerts.models import Delivery
from core.clock import now

DEAD_FOR = timedelta(days=7)


def failed(channels: Collection[int]) -> dict[int, int]:
    """How many of each one's messages were told to nobody lately."""
    late = Delivery.objects.filter(channel__in=channels, state="dead", notice__at__gte=now() - DEAD_FOR).order_by()
    return dict(late.values_list("channel").annotate(Count("pk")))


def last(channels: Collection[int]) -> dict[int, Delivery]:
    """The newest message of each channel that was sent or failed."""
    all_ = Delivery.objects.filter(channel__in=channels, folded_in=None)
    tried = all_.filter(Q(state__in=("sent", "dead")) | (Q(state="waiting") & ~Q(error=""))).order_by()
    newest = [pk for _channel, pk in tried.values_list("channel").annotate(newest=Max("pk"))]
    return {row.channel_id: row for row in all_.filter(pk__in=newest)}
