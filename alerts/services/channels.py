"""Channels as people keep them: added, changed and removed with a trace, their secrets kept where none is given."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.models import Audit, User
from accounts.services import audit
from alerts.channels.base import channels
from alerts.models import Channel, Way
from alerts.services import chains
from alerts.services.rules import naming
from core import outgoing, runner, sealed
from core.errors import Conflict, Failure
from core.registry import Unknown

WHERE = "api_url"
PLACES = {"url", WHERE, "server"}
TESTED = "channel.test"
TESTS_A_MINUTE = 6
SHOWN = ("name", "kind", "enabled", "default", "language", "storm_cap")


@transaction.atomic
def save(channel: Channel, *, by: User, before: dict[str, Any] | None = None) -> None:
    """Keep it and write down who did that; of its credentials only that they changed."""
    sealed_before = Channel.objects.filter(pk=channel.pk).values_list("sealed_config", flat=True).first()
    if sealed_before is not None and sealed_before != channel.sealed_config:
        channel.fault, channel.failures, channel.resting_until = "", 0, None  # it deserves a new try
        channel.test_error, channel.test_failed_at = "", None
    channel.save()
    after = shown(channel)
    if sealed_before is not None and sealed_before != channel.sealed_config:
        after["config"] = "changed"
    audit(by, "channel.change" if sealed_before is not None else "channel.add", channel, before=before, after=after)


@transaction.atomic
def count_test(channel: Channel, now: datetime, *, by: User) -> None:
    """Write down who tries it: a test goes to any number that somebody writes, so there are few of them."""
    lately = Audit.objects.filter(user=by, action=TESTED, at__gt=now - timedelta(minutes=1)).count()
    if lately >= TESTS_A_MINUTE:
        raise Failure("That were many tests. Wait a minute, then try again.", code="too_many", status=429, retry=60)
    audit(by, TESTED, channel)


def keep_test(channel: Channel, now: datetime, error: str) -> None:
    """What came of the last test, so that its page says so after it was left; empty: it went out."""
    channel.test_error, channel.test_failed_at = error[:500], now if error else None
    channel.save(update_fields=["test_error", "test_failed_at"])


@transaction.atomic
def remove(channel: Channel, now: datetime, *, by: User) -> None:
    """Its credentials go at once; its name stays in the record of whom it told."""
    named = naming(channel)
    if named:
        raise Conflict(f"Rules still tell by this channel: {', '.join(named[:5])}. Change them first.", code="in_use")
    asking = chains.asking(channel)
    if asking:
        raise Conflict(
            f"Chains still tell by this channel: {', '.join(asking[:5])}. Change them first.", code="in_use"
        )
    audit(by, "channel.remove", channel, before=shown(channel))
    Way.objects.filter(channel=channel).delete()
    Channel.objects.filter(fallback=channel).update(fallback=None)
    channel.config, channel.removed_at, channel.enabled, channel.default = {}, now, False, False
    channel.fallback, channel.fault, channel.failures, channel.resting_until = None, "", 0, None
    channel.save()
    transaction.on_commit(partial(runner.wake, "deliver"))  # what still waits on it goes another way


def shown(channel: Channel) -> dict[str, Any]:
    """What of it may be written down: no credentials."""
    return {name: getattr(channel, name) for name in SHOWN}


def forbidden(config: dict[str, Any]) -> str:
    """Why messages may not go where it says; empty where they may, or where only its name tells."""
    for name in sorted(PLACES & set(config)):
        try:
            outgoing.check_written(str(config[name]), allow_private=settings.ENV.outgoing_allow)
        except outgoing.Refused as refused:
            return f"config.{name}: {refused}"
    return ""


def merged(channel: Channel | None, kind: str, config: dict[str, Any]) -> dict[str, Any]:
    """The new configuration, with the secrets of the old one where nothing was said of them; "" takes one away.

    ValueError where they would go to another address than before.
    """
    if channel is None or channel.kind != kind:
        return config
    try:
        old, fields = channel.config, channels.get(kind).fields
    except (sealed.Broken, Unknown):
        return config
    kept = {one.name: old[one.name] for one in fields if one.secret and one.name in old and one.name not in config}
    if any(kept.values()) and old.get(WHERE, "") != config.get(WHERE, ""):
        # Whoever may write a channel may not read its token: a new address of theirs would be sent it.
        raise ValueError(f"config.{WHERE} changes: write {' and '.join(sorted(kept))} again, which would go there.")
    return {**config, **kept}
