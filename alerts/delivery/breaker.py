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


def well(channel: int) -> None:
    """Something was taken: no fault, no rest. Written only where there was one."""
    _row(channel).filter(Q(failures__gt=0) | Q(resting_until__isnull=False) | ~Q(fault="")).update(
        failures=0, resting_until=None, fault=""
    )


def failed(channel: int, error: DeliveryError, now: datetime, text: str) -> bool:
    """Count it, and rest when it is enough or the receiver asked for it; whether it rests now.

    What a receiver refuses for good says nothing of the channel, unless it is the channel that is refused.
    """
    if error.permanent and not error.fault:
        return False
    row = _row(channel).first()
    if row is None:
        return False
    failures = row.failures + 1
    rest = _rest(failures, error.after)
    until = now + timedelta(seconds=rest) if rest else row.resting_until
    fault = text if error.fault else row.fault
    _row(channel).update(failures=failures, resting_until=until, fault=fault[:500])
    return bool(rest)


def _rest(failures: int, asked: float | None) -> float:
    """What the receiver asked for, to the second; else growing with each failure from the fifth on."""
    if asked is not None:
        return min(asked, LONGEST_ASKED)
    return 0.0 if failures < ENOUGH else min(LONGEST_REST, FIRST_REST * 2.0 ** min(failures - ENOUGH, 10))


def _row(channel: int) -> QuerySet[Channel]:
    return Channel.objects.filter(pk=channel)
