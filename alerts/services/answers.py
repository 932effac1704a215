"""What people do with an incident: look after it, give it back, write a word to it, or say that it is over."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from accounts.services import audit
from alerts.engine import Track
from alerts.models import Delivery, Incident, Notice
from alerts.services import seen, telling
from alerts.services.moves import ALERTS_CHANGED, resolve
from core import runner

STICKY, UNTIL = "sticky", "until"
CALLS = ("firing", "repeat", "escalated")  # what asks somebody to come


@transaction.atomic
def acknowledge(  # noqa: PLR0913 - how somebody looks after it is one thing to whoever asks
    incident: Incident,
    now: datetime,
    *,
    by: User,
    how: str = "",
    until: datetime | None = None,
    reason: str = "",
    over: str = "web",
) -> None:
    """Somebody looks after it: nobody else is called, and who was told of it hears so.

    Until it gets worse, `sticky` to the end, or until a time. The owner's second time is an answer to a reminder.
    """
    row = Incident.objects.open().select_for_update(of=("self",)).filter(pk=incident.pk).first()
    if row is None:
        return
    how = UNTIL if until else how
    if row.acknowledged_at is not None and not _answers(row, now, by, (how, until)):
        return
    Incident.objects.filter(pk=row.pk).update(
        acknowledged_at=now, acknowledged_by=by, acknowledged_how=how, acknowledged_until=until,
        acknowledged_reason=reason[:500], acknowledged_over=over[:20], reminded_at=None,
    )  # fmt: skip
    incident.refresh_from_db()
    _call_off(incident, now, f"{by} looks after it.")
    text = f"{by} looks after it: {incident.title}"[:400]
    facts = {"how": how, "reason": reason[:500], "over": over, "until": until.timestamp() if until else None}
    notice = Notice.objects.create(
        incident=incident, kind="acknowledged", at=now, told_at=now, by=by, text=text, facts=facts
    )
    telling.deliver(notice, telling.heard_of(incident, now), now)
    audit(by, "incident.acknowledge", incident, after=facts)
    transaction.on_commit(partial(seen.told, incident))


def _answers(row: Incident, now: datetime, by: User, mode: tuple[str, datetime | None]) -> bool:
    """Whether the second time says anything new: the owner may change how; whoever comes later finds it taken."""
    if row.acknowledged_by_id != by.pk:
        return False
    Incident.objects.filter(pk=row.pk).update(acknowledged_at=now, reminded_at=None)
    return (row.acknowledged_how, row.acknowledged_until) != mode


@transaction.atomic
def unacknowledge(incident: Incident, now: datetime, why: str, *, by: User | None = None) -> None:
    """Nobody looks after it any more: it is told again, and who was told of it hears so."""
    updated = Incident.objects.open().filter(pk=incident.pk).exclude(acknowledged_at=None)
    if not updated.update(**FREE):
        return
    incident.refresh_from_db()
    text = f"{why} Nobody looks after it now: {incident.title}"[:400]
    notice = Notice.objects.create(incident=incident, kind="unacknowledged", at=now, told_at=now, by=by, text=text)
    telling.deliver(notice, telling.heard_of(incident, now), now)
    audit(by, "incident.unacknowledge", incident, after={"why": why[:300]})
    transaction.on_commit(partial(seen.told, incident))
    transaction.on_commit(partial(runner.wake, "telling"))


FREE = {
    "acknowledged_at": None, "acknowledged_by": None, "acknowledged_how": "", "acknowledged_until": None,
    "acknowledged_reason": "", "acknowledged_over": "", "reminded_at": None,
}  # fmt: skip


@transaction.atomic
def note(incident: Incident, now: datetime, *, by: User, text: str) -> Notice:
    """A word to whoever reads the incident; nobody is called by it."""
    notice = Notice.objects.create(incident=incident, kind="note", at=now, told_at=now, by=by, text=text[:400])
    audit(by, "incident.note", incident, after={"text": notice.text})
    transaction.on_commit(partial(seen.told, incident))
    return notice


@transaction.atomic
def close(incident: Incident, now: datetime, *, by: User) -> None:
    """A person says that it is over: its alerts end, and who was told hears of it."""
    chosen = incident.alerts.open().select_related("rule", "server", "series", "incident")
    for alert in chosen.select_for_update(of=("self",)):
        track = Track(judged=alert.judged, value=alert.value)
        resolve(alert, track, now, text=f"{alert.server.name}: {alert.rule.name} was closed by {by}.")
    if Incident.objects.open().filter(pk=incident.pk).update(resolved_at=now):
        transaction.on_commit(partial(seen.told, incident))
    audit(by, "incident.resolve", incident)
    transaction.on_commit(partial(runner.wake, ALERTS_CHANGED))


def _call_off(incident: Incident, now: datetime, why: str) -> None:
    """What was to call somebody and is not on its way does not any more."""
    incident.steps.filter(done_at=None).update(done_at=now, result=why[:300])
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    waiting = Delivery.objects.filter(free, notice__incident=incident, notice__kind__in=CALLS, state="waiting")
    waiting.update(state="dropped", lease_until=None, lease_owner="", error=why[:500])
