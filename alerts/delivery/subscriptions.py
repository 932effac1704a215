"""The browsers of a person: added when they subscribe, taken off when they end it or do not exist any more."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from alerts.channels.push import Subscription, check
from alerts.models import Channel
from core.locking import locked

NAME = "Web push"
MOST = 20


@transaction.atomic
def add(user: User, one: Subscription) -> Channel:
    """One own channel with all browsers of a person; the same browser again takes the place of its older self."""
    check(one)
    made = Channel(owner=user, name=NAME, kind="push", default=False)
    made.config = {"subscriptions": []}
    Channel.objects.bulk_create([made], ignore_conflicts=True)
    channel = locked(Channel.objects.standing()).get(owner=user, name=NAME)
    others = [kept for kept in _browsers(channel) if kept["endpoint"] != one.endpoint][-(MOST - 1) :]
    mine = {"endpoint": one.endpoint, "p256dh": one.p256dh, "auth": one.auth, "name": one.name[:60]}
    channel.config = {"subscriptions": [*others, mine]}
    channel.kind, channel.enabled, channel.fault = "push", True, ""
    channel.save(update_fields=["sealed_config", "kind", "enabled", "fault"])
    audit(user, "push.subscribe", channel, after={"browser": one.name[:60] or one.id})
    return channel


@transaction.atomic
def end(user: User, endpoint: str) -> None:
    """The browser wants no more of it; one that is not there does nothing."""
    channel = Channel.objects.standing().filter(owner=user, name=NAME, kind="push").first()
    if channel is not None:
        remove(channel.pk, Subscription(endpoint, "", "").id)
        audit(user, "push.unsubscribe", channel)


@transaction.atomic
def remove(channel: int, recipient: str) -> None:
    row = locked(Channel.objects.standing()).filter(pk=channel, kind="push").first()
    if row is None:
        return
    left = [kept for kept in _browsers(row) if Subscription(**kept).id != recipient]
    row.config = {"subscriptions": left}
    row.fault = "" if left else "No browser is subscribed any more. Subscribe again under My notifications."
    row.save(update_fields=["sealed_config", "fault"])


def _browsers(channel: Channel) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = channel.config.get("subscriptions", [])
    return found
