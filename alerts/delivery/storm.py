"""A channel that has said enough for ten minutes tells the rest in one digest, each recipient their own.

What is critical waits half a minute at most: its digest goes then, and the next critical begins another.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from alerts import messages
from alerts.delivery import kinds
from alerts.models import Channel, Delivery, Notice
from alerts.models.records import CALLS
from core.locking import locked

KIND = "digest"
WINDOW = timedelta(minutes=10)
URGENT = timedelta(seconds=30)  # with what comes before it, under a minute from the sample to the message
NAMED = 50
LISTED = 20
NEVER = (KIND, "test", "note")  # neither counted nor held back


def room(channel: Channel, now: datetime) -> int | None:
    """How many messages it may send now; None: as many as come."""
    cap = cap_of(channel)
    if not cap:
        return None
    said = Delivery.objects.filter(channel=channel, sent_at__gt=now - WINDOW, folded_in=None, state="sent")
    held = Delivery.objects.filter(channel=channel, notice__kind=KIND, state="waiting").exists()
    # While a digest waits everything goes into it, so that an end is not told before its beginning.
    return 0 if held else max(0, cap - said.exclude(notice__kind__in=NEVER).count())


def cap_of(channel: Channel) -> int:
    if channel.storm_cap is not None:
        return channel.storm_cap
    kind = kinds.of(channel)
    return kind.storm_cap if kind else 0


@transaction.atomic
def fold(channel: Channel, now: datetime) -> int:
    """Put what waits into the digest of its recipient: for when the ten minutes are over, or soon where it is bad."""
    free = Delivery.objects.filter(
        channel=channel, state="waiting", folded_in=None, due_at__lte=now, lease_until=None
    )
    waiting = list(locked(free.exclude(notice__kind__in=NEVER).select_related("notice")))
    for recipient in {one.recipient for one in waiting}:
        mine = [one for one in waiting if one.recipient == recipient]
        digest = _open(channel, recipient) or _begin(channel, mine, now)
        Delivery.objects.filter(pk__in=[one.pk for one in mine]).update(folded_in=digest)
        if any(_urgent(one.notice) for one in mine):
            # One that was tried has its own time: the receiver may have asked for it.
            soon = now + URGENT
            Delivery.objects.filter(pk=digest.pk, attempts=0, due_at__gt=soon).update(due_at=soon)
    return len(waiting)


def _urgent(notice: Notice) -> bool:
    return notice.kind in CALLS and notice.facts.get("severity") == "critical"


def _open(channel: Channel, recipient: str) -> Delivery | None:
    # Held, so that nobody sends it before these stand in it: they would be told by nothing.
    chosen = Delivery.objects.filter(
        channel=channel, recipient=recipient, notice__kind=KIND, state="waiting", lease_until=None
    )
    return locked(chosen).first()


def _begin(channel: Channel, mine: Sequence[Delivery], now: datetime) -> Delivery:
    last = mine[-1]
    notice = Notice.objects.create(
        incident_id=last.notice.incident_id, kind=KIND, at=now, told_at=now, text="More messages, told together."
    )
    oldest = (
        Delivery.objects.filter(channel=channel, sent_at__gt=now - WINDOW, folded_in=None, state="sent")
        .order_by("sent_at")
        .values_list("sent_at", flat=True)
        .first()
    )
    due = (oldest or now) + WINDOW
    return Delivery.objects.create(
        notice=notice, channel=channel, recipient=last.recipient, due_at=due, person_id=last.person_id
    )


@transaction.atomic
def close(digest: Delivery) -> bool:
    """Count what it tells, right before it goes; false where nothing is left to tell."""
    told = list(_folded(digest).select_related("notice__incident").order_by("pk"))
    if not told:
        Delivery.objects.filter(pk=digest.pk).update(
            state="dropped", lease_until=None, lease_owner="", error="Nothing was left to tell."
        )
        return False
    # From now on they may have been read, whatever becomes of them meanwhile: their end is told there, too.
    _folded(digest).update(attempts=digest.attempts)
    notice = digest.notice
    kinds_told = [one.notice.kind for one in told]
    notice.facts = {
        "count": len(told),
        "firing": sum(kind != "resolved" for kind in kinds_told),
        "resolved": kinds_told.count("resolved"),
        "since": min(one.notice.at for one in told).timestamp(),
        "lines": [one.notice.text for one in told[:NAMED]],
        "notices": [_named(one) for one in told[:LISTED]],
        "severity": "critical" if any(one.notice.facts.get("severity") == "critical" for one in told) else "warn",
    }
    notice.text = messages.record(notice)
    notice.save(update_fields=["facts", "text"])
    return True


def _named(one: Delivery) -> dict[str, str]:
    return {"incident": str(one.notice.incident.uuid), "text": one.notice.text, "kind": one.notice.kind}


def told(digest: Delivery, at: datetime) -> None:
    """Whatever stood in it was told."""
    _folded(digest).update(state="sent", sent_at=at, answer="Told in a digest.", attempts=digest.attempts)


def lost(digest: Delivery, why: str) -> list[Delivery]:
    """What stood in it was told to nobody by it, and goes another way where there is one."""
    held = list(_folded(digest).select_related("notice", "channel__fallback", "person").order_by("pk"))
    _folded(digest).update(state="dead", error=why[:500])
    return held


def _folded(digest: Delivery) -> QuerySet[Delivery]:
    return Delivery.objects.filter(folded_in=digest, state="waiting")
