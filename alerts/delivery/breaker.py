"""A channel that fails again and again rests, and is tried by one delivery before the others follow."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from alerts.channels.base import DeliveryError
from alerts.models import Channel

ENOUGH = 5  # failures in a row
FIRST_REST = 30.0
LONGEST_REST = 300.0
LONGEST_ASKED = 3600.0


def awake(now: datetime) -> Q:
    """Of deliveries: their channel does not rest."""
    return Q(channel__resting_until=None) | Q(channel__resting_until__lte=now)


def on_probation(channel: Channel) -> bool:
    """It failed too often: one delivery tries whether it is well again."""
    return channel.failures >= ENOUGH


def well(channel: Channel, now: datetime) -> None:
    """Something was taken: no fault, and the next failure is the first. A rest that began meanwhile is rested."""
    if channel.failures or channel.fault or channel.resting_until:
        channel.failures, channel.fault, channel.resting_until = 0, "", None
        _row(channel).update(failures=0, fault="")
        _row(channel).filter(resting_until__lte=now).update(resting_until=None)


def wake(channel: Channel) -> None:
    """Somebody saw that it is well: no rest either."""
    _row(channel).update(failures=0, resting_until=None, fault="")


def failed(channel: Channel, error: DeliveryError, now: datetime, text: str) -> bool:
    """Count it, and rest when it is enough or the receiver asked for it; whether it rests now.

    What a receiver refuses for good says nothing of the channel, unless it is the channel that is refused.
    """
    if error.permanent and not error.fault:
        return False
    row = _row(channel).first()
    if row is None:
        return False
    if error.after is None and row.resting_until is not None and row.resting_until > now:
        channel.failures = row.failures
        return True  # it was under way when the rest began: no further try
    channel.failures = row.failures + 1
    channel.fault = (text if error.fault else row.fault)[:500]
    rest = _rest(channel.failures, error.after)
    until = max(filter(None, (row.resting_until, now + timedelta(seconds=rest) if rest else None)), default=None)
    _row(channel).update(failures=channel.failures, resting_until=until, fault=channel.fault)
    return until is not None and until > now


def _rest(failures: int, asked: float | None) -> float:
    """What the receiver asked for, to the second; else growing with each failure from the fifth on."""
    if asked is not None:
        return min(asked, LONGEST_ASKED)
    return 0.0 if failures < ENOUGH else min(LONGEST_REST, FIRST_REST * 2.0 ** min(failures - ENOUGH, 10))


def _row(channel: Channel) -> QuerySet[Channel]:
    return Channel.objects.filter(pk=channel.pk)
