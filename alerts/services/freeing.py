"""Calls that nobody wants any more, once somebody looks after a trouble or it is over; and care that ends."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from alerts.models import Delivery, Incident, Notice, Step
from alerts.models.records import CALLS
from alerts.services import chains, seen
from alerts.services.audience import Heard

WORDS = {"worse": "It got worse.", "person": "It was given back."}
TAKEN = {
    "acknowledged_at": None, "acknowledged_by": None, "acknowledged_how": "", "acknowledged_until": None,
    "acknowledged_reason": "", "acknowledged_over": "", "reminded_at": None,
}  # fmt: skip


def free(incident: Incident, now: datetime, reason: str, *, words: str = "", by: User | None = None) -> Notice:
    """Nobody looks after it any more: it is written down, and its chains begin anew. The caller holds its lock."""
    for field, value in TAKEN.items():
        setattr(incident, field, value)
    Incident.objects.filter(pk=incident.pk).update(**TAKEN)
    text = f"{words or WORDS[reason]} Nobody looks after it now: {incident.title}"[:400]
    chains.resume(incident, now)
    transaction.on_commit(partial(seen.told, incident))
    return Notice.objects.create(
        incident=incident, kind="unacknowledged", at=now, told_at=now, by=by, text=text, facts={"why": reason}
    )


def call_off(incident: Incident, now: datetime, why: str) -> None:
    """Somebody looks after it: what was to call others and is not on its way does not any more."""
    chains.stop(incident, now, why)
    unleased = Q(lease_until=None) | Q(lease_until__lt=now)
    calls = Delivery.objects.filter(unleased, notice__incident=incident, notice__kind__in=CALLS, state="waiting")
    if calls.update(state="dropped", lease_until=None, lease_owner="", error=why[:500]):
        _forget_unheard([incident.pk])


def nothing_more(incidents: Collection[int], now: datetime) -> None:
    """They are over: steps that were not done and calls whose time has not come are left undone."""
    if not incidents:
        return
    Step.objects.filter(incident__in=incidents, done_at=None).update(done_at=now, result=chains.OVER)
    later = Delivery.objects.filter(
        notice__incident__in=incidents, notice__kind__in=CALLS, state="waiting", attempts=0, due_at__gt=now
    )
    if later.update(state="dropped", error=chains.OVER):
        _forget_unheard(incidents)


def _forget_unheard(incidents: Collection[int]) -> None:
    """Whose only call was just dropped is not told of the end either: it waited behind that call."""
    heard = Heard(incidents)
    ends = Delivery.objects.filter(
        notice__incident__in=incidents, notice__kind="resolved", state="waiting", attempts=0
    )
    strays = [
        pk
        for pk, incident, channel, to in ends.values_list("pk", "notice__incident_id", "channel_id", "recipient")
        if (channel, to) not in heard.of(incident)
    ]
    Delivery.objects.filter(pk__in=strays).update(state="dropped", error="It never heard of the beginning.")
