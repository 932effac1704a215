"""Tell what is due: groups, chains, reminders; safe to run twice, late, and in many processes at once."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Min, QuerySet

from alerts.models import Delivery, Incident, Notice
from alerts.services import chains, reminders
from alerts.services.audience import To
from alerts.services.flush import Flush
from core import apart, runner
from core.locking import locked

log = logging.getLogger(__name__)

NAME = "telling"
AGAIN = timedelta(seconds=0.5)
LATER = timedelta(minutes=1)  # until what failed is tried again
AT_ONCE = 200  # groups in one transaction; the rest comes in the next


def step(now: datetime) -> datetime | None:
    """Do everything that is due; when there will be more. A part that fails keeps no other from being done."""
    times: list[datetime | None] = []
    failed: Exception | None = None
    for part in (_take_back, _tell_groups, _announce_ends, _run_chains, reminders.run_due):
        try:
            times.append(part(now))
        except Exception as error:
            log.exception("A part of telling failed; it is tried again")
            failed = error
    if failed is not None:
        raise failed
    # What is still due is held by another process, or failed: looked at again soon.
    return min((at if at > now else now + AGAIN for at in times if at), default=None)


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
    while of.filter(next_at__lte=now).exists() and _flush_safely(of, now) == AT_ONCE:
        pass


def _flush_safely(of: QuerySet[Incident], now: datetime) -> int:
    try:
        return _flush_some(of, now)
    except apart.DOWN:
        raise
    except Exception:
        log.exception("Some groups could not be told together; each is told alone")
    due = list(of.filter(next_at__lte=now).order_by("next_at", "pk").values_list("pk", flat=True)[:AT_ONCE])
    odd = apart.each(due, lambda pk: _flush_some(Incident.objects.filter(pk=pk), now), "Telling an incident")
    Incident.objects.filter(pk__in=odd, next_at__lte=now).update(next_at=now + LATER)
    return len(due)


@transaction.atomic
def _flush_some(of: QuerySet[Incident], now: datetime) -> int:
    due = of.filter(next_at__lte=now).select_related("rule", "acknowledged_by").order_by("next_at", "pk")
    incidents = list(locked(due, skip=True)[:AT_ONCE])
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


def _take_back(now: datetime) -> datetime | None:
    """The time for which somebody wanted to look after it is over."""
    apart.each(_over(now), lambda incident: _give_back(incident, now), "Giving back an incident")
    taken = Incident.objects.open().exclude(acknowledged_until=None)
    soonest: datetime | None = taken.aggregate(at=Min("acknowledged_until"))["at"]
    return soonest


def _over(now: datetime) -> QuerySet[Incident]:
    return Incident.objects.open().filter(acknowledged_until__lte=now).exclude(acknowledged_at=None)


@transaction.atomic
def _give_back(incident: Incident, now: datetime) -> None:
    from alerts.services import answers  # noqa: PLC0415 - it delivers by this module

    # Its owner may have said a later time since it was found.
    row = _over(now).select_related("acknowledged_by").filter(pk=incident.pk)
    still = locked(row, skip=True).first()
    if still is not None:
        answers.unacknowledge(still, now, f"The time of {still.acknowledged_by} is over.", reason="until")


def _tell_groups(now: datetime) -> datetime | None:
    flush(Incident.objects.all(), now)
    soonest: datetime | None = Incident.objects.aggregate(at=Min("next_at"))["at"]
    return soonest


def _announce_ends(now: datetime) -> None:
    from alerts.services import silences  # noqa: PLC0415 - it delivers by this module

    silences.announce_ends(now)


def _run_chains(now: datetime) -> datetime | None:
    return chains.run_due(now, muted=partial(muted, now=now))
