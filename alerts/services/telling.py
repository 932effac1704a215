"""Write down who is to be told what, and until when it may wait."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from alerts.channels.base import channels
from alerts.models import Alert, Channel, Delivery, Incident, Notice, Rule
from alerts.services import seen
from core import runner, sealed
from core.registry import Unknown

WAIT = {"critical": 0, "warn": 10}
Target = tuple[int, str]  # channel, recipient


def due(rule: Rule, severity: str, now: datetime) -> datetime:
    wait = WAIT[severity] if rule.group_wait is None else rule.group_wait
    return now + timedelta(seconds=wait)


def tell(incident: Incident, alert: Alert, kind: str, text: str, now: datetime, due: datetime) -> None:
    notice, made = Notice.objects.get_or_create(
        alert=alert,
        transition=alert.transition,
        defaults={
            "incident": incident,
            "kind": kind,
            "at": now,
            "text": text[:400],
            "facts": {"value": alert.value, "limit": alert.limit, "severity": alert.severity},
        },
    )
    if made:
        deliver(notice, heard(alert, now) if kind == "resolved" else targets(alert), due)
    transaction.on_commit(partial(seen.told, incident))


def deliver(notice: Notice, targets: list[Target], due: datetime) -> None:
    Delivery.objects.bulk_create(
        [Delivery(notice=notice, channel_id=channel, recipient=to, due_at=due) for channel, to in targets],
        ignore_conflicts=True,
    )
    transaction.on_commit(partial(runner.wake, "deliver"))


def targets(alert: Alert) -> list[Target]:
    """The channels a rule names, else the team's default ones; each recipient is told, and retried, alone."""
    if alert.server.demo:  # nobody is woken by what is simulated
        return []
    rule = alert.rule
    mine = Channel.objects.filter(team=rule.team_id, enabled=True)
    named = [target["channel"] for target in rule.notify if isinstance(target, dict) and "channel" in target]
    found = list(mine.filter(uuid__in=named)) if named else []
    # A rule whose channels were switched off must not fall silent.
    return [(channel.pk, to) for channel in found or mine.filter(default=True) for to in recipients(channel)]


def step(now: datetime) -> datetime | None:
    """Tell what is due; when there will be more."""
    return None


def heard_of(incident: Incident, now: datetime) -> list[Target]:
    """Whoever was called to it, or may have been."""
    told = Delivery.objects.filter(notice__incident=incident, notice__kind__in=("firing", "repeat", "escalated"))
    told = told.exclude(state="dropped", attempts=0)
    return list(told.order_by().values_list("channel_id", "recipient").distinct())


def recipients(channel: Channel) -> list[str]:
    try:
        return channels.get(channel.kind)(channel.config).recipients()
    except (Unknown, sealed.Broken, ValueError, ValidationError):
        return [""]  # the delivery fails with the reason, where people see it


def unsent(alert: Alert, now: datetime) -> QuerySet[Delivery]:
    """What still waits for its group and was never tried."""
    return Delivery.objects.filter(
        notice__alert=alert, notice__kind="firing", state="waiting", attempts=0, due_at__gt=now
    )


def heard(alert: Alert, now: datetime) -> list[Target]:
    """Who was told that it fires, or is about to be. What still waits for its group is not sent any more."""
    unsent(alert, now).update(state="dropped")
    told = Delivery.objects.filter(notice__alert=alert, notice__kind="firing").exclude(state="dropped")
    return list(told.order_by().values_list("channel_id", "recipient").distinct())
