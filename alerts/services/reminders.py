"""Whoever looks after an incident is asked an hour later whether they still do; a chain may then begin anew."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Exists, Min, OuterRef, QuerySet

from alerts.models import Alert, Delivery, Incident, Notice, Step
from alerts.services import answers, people, seen
from core import apart, runner
from core.locking import locked

REMIND = timedelta(hours=1)
ANSWER = timedelta(minutes=30)
AT_ONCE = 200
AGAIN = timedelta(seconds=5)


def run_due(now: datetime) -> datetime | None:
    """Remind whom it is time to remind, free what nobody answered for; when there is more to do."""
    asked = _unreminded().filter(acknowledged_at__lte=now - REMIND).values_list("pk", flat=True)[:AT_ONCE]
    apart.each(list(asked), lambda pk: _remind(pk, now), "Asking who looks after an incident")
    silent = _unanswered().filter(reminded_at__lte=now - ANSWER).values_list("pk", flat=True)[:AT_ONCE]
    apart.each(list(silent), lambda pk: _free(pk, now), "Freeing an incident")
    return _next(now)


def _unreminded() -> QuerySet[Incident]:
    """Those who named a time themselves are not asked before it; of what is simulated nobody is asked."""
    held = Incident.objects.open().filter(acknowledged_until=None, reminded_at=None)
    alerts = Alert.objects.filter(incident=OuterRef("pk"))
    real = ~Exists(alerts) | Exists(alerts.filter(server__demo=False))
    return held.exclude(acknowledged_at=None).filter(real)


def _unanswered() -> QuerySet[Incident]:
    asked = Step.objects.filter(incident=OuterRef("pk"), args__unacknowledge=True)
    held = Incident.objects.open().exclude(acknowledged_at=None).exclude(reminded_at=None)
    # Asked of the few that are held, not of every step that ever was.
    return held.exclude(acknowledged_how="sticky").filter(Exists(asked))


def _next(now: datetime) -> datetime | None:
    remind = _unreminded().aggregate(at=Min("acknowledged_at"))["at"]
    free = _unanswered().aggregate(at=Min("reminded_at"))["at"]
    times = [at + pause for at, pause in ((remind, REMIND), (free, ANSWER)) if at]
    return max(min(times), now + AGAIN) if times else None


def _locked(chosen: QuerySet[Incident], pk: int) -> Incident | None:
    row = chosen.select_related("team", "acknowledged_by").filter(pk=pk)
    return locked(row, skip=True).first()


@transaction.atomic
def _remind(pk: int, now: datetime) -> None:
    incident = _locked(_unreminded().filter(acknowledged_at__lte=now - REMIND), pk)
    if incident is None:
        return
    owner = incident.acknowledged_by
    reaches = people.ways(owner, incident.severity, now) if owner and people.may_be_told(owner, incident.team) else []
    # Whoever sleeps in quiet hours has the time to answer from their end on; with nobody to ask it runs from now.
    Incident.objects.filter(pk=pk).update(reminded_at=min((reach.due_at for reach in reaches), default=now))
    if not reaches:
        return
    text = f"Do you still look after it? {incident.title}"[:400]
    notice = Notice.objects.create(
        incident=incident, kind="reminder", at=now, told_at=now, text=text, facts={"severity": incident.severity}
    )
    Delivery.objects.bulk_create(
        Delivery(notice=notice, channel=reach.channel, recipient=reach.recipient, due_at=reach.due_at, person=owner)
        for reach in reaches
    )
    transaction.on_commit(partial(runner.wake, "deliver"))
    transaction.on_commit(partial(seen.told, incident))


@transaction.atomic
def _free(pk: int, now: datetime) -> None:
    incident = _locked(_unanswered().filter(reminded_at__lte=now - ANSWER), pk)
    if incident is not None:
        owner = incident.acknowledged_by or "Whoever looked after it"
        answers.unacknowledge(incident, now, f"{owner} did not answer the reminder.")
