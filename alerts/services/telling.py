"""Tell what is due: groups, chains, reminders; safe to run twice, late, and in many processes at once."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import F, Min, QuerySet

from alerts.models import Delivery, Incident, Notice
from alerts.services import chains, reminders
from alerts.services.audience import To
from alerts.services.flush import Flush
from core import runner

log = logging.getLogger(__name__)

NAME = "telling"
AGAIN = timedelta(seconds=0.5)
AT_ONCE = 200  # groups in one transaction; the rest comes in the next


def step(now: datetime) -> datetime | None:
    """Do everything that is due; when there will be more."""
    _take_back(now)
    flush(Incident.objects.all(), now)
    _announce_ends(now)
    chain = chains.run_due(now, muted=partial(muted, now=now))
    reminder = reminders.run_due(now)
    times = [at for at in (_next_group(now), _next_return(), chain, reminder) if at]
    # What is still due is held by another process, or failed: looked at again soon.
    return min((at if at > now else now + AGAIN for at in times), default=None)


def at_once(incidents: Iterable[int], now: datetime) -> None:
    """Right after the commit that made them due, in the thread of whoever judged: no hop is paid."""
    try:
        flush(Incident.objects.filter(pk__in=incidents), now)
    except Exception:
        # It is committed and due: the loop finds it.
        log.exception("What is due could not be told at once")
    runner.wake(NAME)


def flush(of: QuerySet[Incident], now: datetime) -> None:
    # Asked first without a transaction: on SQLite each would take the one lock for writing.
    while of.filter(next_at__lte=now).exists() and _flush_some(of, now) == AT_ONCE:
        pass


@transaction.atomic
def _flush_some(of: QuerySet[Incident], now: datetime) -> int:
    due = of.filter(next_at__lte=now).select_related("rule", "acknowledged_by").order_by("next_at", "pk")
    incidents = list(due.select_for_update(skip_locked=True, of=("self",))[:AT_ONCE])
    if incidents:
        Flush(incidents, now).run()
    return len(incidents)


def muted(incident: Incident, now: datetime) -> str:
    """Why nothing may be said of it now, in words; empty where something may."""
    return Flush([incident], now).muted(incident)


def deliver(notice: Notice, targets: Iterable[To], due: datetime) -> None:
    """Send this to each of them, now or when their own time comes."""
    rows = [
        Delivery(
            notice=notice, channel_id=to.channel, recipient=to.recipient, due_at=max(due, to.due), person_id=to.person
        )
        for to in targets
    ]
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)
    transaction.on_commit(partial(runner.wake, "deliver"))


def _take_back(now: datetime) -> None:
    """The time for which somebody wanted to look after it is over."""
    from alerts.services import answers  # noqa: PLC0415 - it delivers by this module

    over = Incident.objects.open().filter(acknowledged_until__lte=now).exclude(acknowledged_at=None)
    for incident in over.select_related("acknowledged_by"):
        answers.unacknowledge(incident, now, f"The time of {incident.acknowledged_by} is over.", reason="until")


def _announce_ends(now: datetime) -> None:
    from alerts.services import silences  # noqa: PLC0415 - it delivers by this module

    silences.announce_ends(now)


def _next_group(now: datetime) -> datetime | None:
    soonest: datetime | None = Incident.objects.aggregate(at=Min("next_at"))["at"]
    return soonest


def _next_return() -> datetime | None:
    taken = Incident.objects.open().exclude(acknowledged_until=None)
    soonest: datetime | None = taken.aggregate(at=Min(F("acknowledged_until")))["at"]
    return soonest
