"""What people do with an incident: look after it, give it back, write a word to it, or say that it is over."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from accounts.services import audit, came_over
from alerts.models import Incident, Notice
from alerts.services import audience, freeing, seen, telling
from alerts.services.moves import ALERTS_CHANGED, end
from alerts.services.work import freed_by, lock
from core import runner
from core.locking import again, locked

STICKY, UNTIL = "sticky", "until"
OUTSIDE = {"mail": "mail link", "slack": "Slack", "sms": "SMS", "push": "push message"}


@again
@transaction.atomic
def acknowledge(  # noqa: PLR0913 - how somebody looks after it is one thing to whoever asks
    incident: Incident,
    now: datetime,
    *,
    by: User | None,
    how: str = "",
    until: datetime | None = None,
    reason: str = "",
    over: str = "web",
    name: str = "",
) -> None:
    """Somebody looks after it: nobody else is called, and who was told of it hears so.

    Until it gets worse, `sticky` to the end, or until a time. The owner's second time is an answer to a reminder.
    Whoever answers from outside and is no user of ours is known by name alone.
    """
    chosen = Incident.objects.open().select_related("acknowledged_by").filter(pk=incident.pk)
    row = locked(chosen).first()
    if row is None:
        return
    how = UNTIL if until else how
    if over in OUTSIDE and by is not None and row.acknowledged_by_id == by.pk:
        how, until = row.acknowledged_how, row.acknowledged_until  # a button says "still", and not how
    if row.acknowledged_at is not None and not _is_new(row, now, by, (how, until)):
        return
    Incident.objects.filter(pk=row.pk).update(
        acknowledged_at=now, acknowledged_by=by, acknowledged_how=how, acknowledged_until=until,
        acknowledged_reason=reason[:500], acknowledged_over=over[:20], reminded_at=None,
    )  # fmt: skip
    incident.refresh_from_db()
    who = str(by or name)
    freeing.call_off(incident, now, f"Not done: {who} looks after it.")
    text = f"{who} looks after it: {incident.title}"[:400]
    facts = {"how": how, "reason": reason[:500], "over": over, "until": until.timestamp() if until else None}
    if by is None:
        facts["name"] = name[:120]
    notice = Notice.objects.create(
        incident=incident, kind="acknowledged", at=now, told_at=now, by=by, text=text, facts=facts
    )
    # Whoever took it knows: their own phone and mail do not tell them.
    heard = [to for to in audience.heard_of(incident) if by is None or to.person != by.pk]
    telling.deliver(notice, heard, now)
    if over in OUTSIDE:
        came_over(OUTSIDE[over])
    audit(by, "incident.acknowledge", incident, after=facts)
    transaction.on_commit(partial(seen.told, incident))
    transaction.on_commit(partial(runner.wake, telling.NAME))


def _is_new(row: Incident, now: datetime, by: User | None, mode: tuple[str, datetime | None]) -> bool:
    """Whether the second time says anything new: the owner may change how; whoever comes later finds it taken."""
    if by is None or row.acknowledged_by_id != by.pk:
        return False
    Incident.objects.filter(pk=row.pk).update(acknowledged_at=now, reminded_at=None)
    return (row.acknowledged_how, row.acknowledged_until) != mode


@again
@transaction.atomic
def unacknowledge(
    incident: Incident, now: datetime, why: str = "", *, by: User | None = None, reason: str = ""
) -> None:
    """Nobody looks after it any more: who was told of it hears so, and they are called again."""
    taken = Incident.objects.open().exclude(acknowledged_at=None).filter(pk=incident.pk)
    if not locked(taken).exists():
        return
    words = why or f"{by} gave it back."
    notice = freeing.free(incident, now, reason or ("person" if by else "unanswered"), words=words, by=by)
    telling.deliver(notice, audience.heard_of(incident), now)
    # What somebody's care held is told now; what was told before counts as just said.
    Incident.objects.filter(pk=incident.pk).exclude(told_at=None).update(told_at=now, repeats=0)
    Incident.objects.filter(pk=incident.pk).update(next_at=now)
    incident.refresh_from_db()
    audit(by, "incident.unacknowledge", incident, after={"why": words[:300]})
    transaction.on_commit(partial(runner.wake, telling.NAME))


@again
@transaction.atomic
def note(incident: Incident, now: datetime, *, by: User, text: str) -> Notice:
    """A word to whoever reads the incident; nobody is called by it."""
    notice = Notice.objects.create(incident=incident, kind="note", at=now, told_at=now, by=by, text=text[:400])
    audit(by, "incident.note", incident, after={"text": notice.text})
    transaction.on_commit(partial(seen.told, incident))
    return notice


@again
@transaction.atomic
def close(incident: Incident, now: datetime, *, by: User) -> None:
    """A person says that it is over: its alerts end, and who was told hears of it at once."""
    lock(Incident.objects.filter(Q(pk=incident.pk) | Q(pk__in=freed_by(incident))))
    row = locked(Incident.objects.open()).filter(pk=incident.pk).first()
    if row is None:
        return
    if not row.alerts.exists():  # a trouble that is no alert
        Notice.objects.create(
            incident=row, kind="resolved", at=now, text=f"{row.title} Closed by {by}."[:400],
            facts={"severity": row.severity, "closed_by": str(by)},
        )  # fmt: skip
    words = f"was closed by {by}."
    end(row.alerts.open(), lambda alert: f"{alert.server.name}: {alert.rule.name} {words}", now, by_hand=str(by))
    Incident.objects.filter(pk=row.pk).update(resolved_at=now)
    # What nobody heard of yet is over before its time, and is not told at all.
    heard = Q(told_at__isnull=False) | Q(next_at=None)
    Incident.objects.filter(heard, pk=row.pk).update(next_at=now)
    incident.refresh_from_db()
    audit(by, "incident.resolve", incident)
    transaction.on_commit(partial(telling.at_once, [row.pk], now))
    transaction.on_commit(partial(seen.told, incident))
    transaction.on_commit(partial(runner.wake, ALERTS_CHANGED))
