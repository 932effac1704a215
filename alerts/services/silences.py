"""Silences: make, change and end them, see what they hit, and say in time that one ends."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.models import User
from accounts.services import audit
from alerts.models import Alert, Incident, Notice, Silence
from alerts.policy import Mute
from alerts.services import people
from alerts.services.audience import Book, To
from alerts.services.work import lock
from alerts.silences import Times, Window, check
from core import apart, runner, selector
from servers.models import Server

log = logging.getLogger(__name__)

BEFORE = timedelta(minutes=10)
WEEK = timedelta(days=7)
SHOWN = 20
FIELDS = ("selector", "rule", "starts_at", "ends_at", "rrule", "duration", "zone", "reason")


def times(silence: Silence) -> Times:
    return Times(silence.starts_at, silence.ends_at, silence.rrule, silence.duration or 0, silence.zone)


def mutes(teams: Collection[int], now: datetime) -> list[Mute]:
    """What is silenced at this moment."""
    standing = Silence.objects.standing(now).filter(team__in=teams, starts_at__lte=now)
    return [found[1] for silence in standing if (found := _open(silence, now))]


def _open(silence: Silence, now: datetime) -> tuple[Window, Mute] | None:
    """Its window and what it mutes now. One that cannot be read mutes nothing: better told than swallowed."""
    try:
        window = times(silence).at(now)
        if window is None:
            return None
        meant = selector.parse(silence.selector).matches
    except ValueError:
        log.exception("The silence %s cannot be read", silence.uuid)
        return None
    return window, Mute(silence.team_id, silence.rule_id, meant, silence.reason, window[1])


@transaction.atomic
def save(silence: Silence, now: datetime, *, by: User) -> Silence:
    """Make or change one; Unreadable where its times cannot be used. What it held before is looked at anew."""
    check(times(silence))
    before = Silence.objects.filter(pk=silence.pk).first() if silence.pk else None
    if before is None:
        silence.owner = by
    silence.warned_at = None
    # Only what may be changed, so that an end which somebody pressed meanwhile stays.
    silence.save(update_fields=[*FIELDS, "warned_at"] if before else None)
    audit(by, "silence.change" if before else "silence.make", silence, before=_told(before), after=_told(silence))
    _look_again(silence, now)
    return silence


@transaction.atomic
def end(silence: Silence, now: datetime, *, by: User) -> None:
    """It is over from now on; it stays in the record."""
    if Silence.objects.filter(pk=silence.pk, ended_at=None).update(ended_at=now):
        silence.refresh_from_db()
        audit(by, "silence.end", silence)
        _look_again(silence, now)


def _told(silence: Silence | None) -> dict[str, Any]:
    return {field: str(getattr(silence, field) or "") for field in FIELDS} if silence else {}


def _look_again(silence: Silence, now: datetime) -> None:
    """What is held may be free now; groups that wait for their timer go on waiting."""
    held = Notice.objects.untold().filter(incident__team=silence.team_id).exclude(held="")
    touched = lock(Incident.objects.filter(pk__in=held.values("incident")))
    Incident.objects.filter(pk__in=touched).update(next_at=now)
    transaction.on_commit(partial(runner.wake, "telling"))


@dataclass(frozen=True, slots=True)
class Preview:
    """What a silence hits now, would have held in the last week, and when it mutes next."""

    servers: int
    checks: int
    names: list[str]
    incidents: list[Incident]
    alerts: int
    notices: int
    windows: list[Window]


def preview(silence: Silence, now: datetime) -> Preview:
    """Without saving it."""
    when = times(silence)
    check(when)
    meant = selector.parse(silence.selector)
    # What the product finds of itself is of no rule, so that no silence holds it.
    all_ = Server.objects.judged().filter(team=silence.team_id).order_by("internal", "name")
    found = [server for server in all_ if meant.matches(server.words())]
    hit = {server.pk: server.name for server in found}
    checks = sum(server.internal for server in found)
    open_ = _of_rule(Alert.objects.open().exclude(state="pending"), silence).filter(server__in=hit)
    incidents = Incident.objects.open().filter(pk__in=open_.values("incident")).order_by("-pk")[:SHOWN]
    said = Notice.objects.filter(kind="firing", alert__server__in=hit, at__gte=now - WEEK)
    said = said.exclude(alert__server__demo=True)  # of what is simulated nobody is told anyway
    if silence.rule_id:
        said = said.filter(alert__rule=silence.rule_id)
    notices = _inside(when, list(said.values_list("at", flat=True)), now)
    names, windows = list(hit.values())[:SHOWN], when.next(now, 5)
    return Preview(len(hit) - checks, checks, names, list(incidents), open_.count(), notices, windows)


def _of_rule(alerts: QuerySet[Alert], silence: Silence) -> QuerySet[Alert]:
    return alerts.filter(rule=silence.rule_id) if silence.rule_id else alerts.filter(rule__team=silence.team_id)


def _inside(when: Times, moments: list[datetime], now: datetime) -> int:
    """Of a silence that recurs those in its windows, had it stood a week ago; of another, all of them."""
    if not when.rule:
        return len(moments)
    back = Times(when.starts - timedelta(days=364), when.ends, when.rule, when.duration, when.zone)
    windows = back.windows(now - WEEK, now)
    return sum(any(start <= at < end for start, end in windows) for at in moments)


def announce_ends(now: datetime) -> None:
    """Whoever asked for silence hears ten minutes before its end that something of it is still bad; once a window."""
    soon = Silence.objects.standing(now).filter(starts_at__lte=now)
    soon = soon.filter(Q(ends_at__lte=now + BEFORE) | ~Q(rrule="")).filter(
        Q(warned_at=None) | ~Q(rrule="")
    )  # fmt: skip
    apart.each(soon.select_related("owner"), lambda silence: _announce_end(silence, now), "The end of a silence")


def _announce_end(silence: Silence, now: datetime) -> None:
    found = _open(silence, now)
    if found is None:
        return
    (start, end), mute = found
    late = end - BEFORE <= now and end - start > BEFORE
    if late and (silence.warned_at is None or silence.warned_at < start):
        _announce(silence, (start, end), mute, now)


@transaction.atomic
def _announce(silence: Silence, window: Window, mute: Mute, now: datetime) -> None:
    unsaid = Q(warned_at=None) | Q(warned_at__lt=window[0])
    if not Silence.objects.filter(unsaid, pk=silence.pk).update(warned_at=now):
        return
    open_ = Alert.objects.open().filter(rule__team=silence.team_id, server__demo=False).exclude(state="pending")
    open_ = open_.exclude(incident=None)
    hit = [
        alert for alert in open_.select_related("rule", "server", "incident").order_by("-severity", "pk")
        if mute.hits(alert.rule, alert.server.words())
    ]  # fmt: skip
    if not hit:
        return
    _say(silence, window, hit, now)


def _say(silence: Silence, window: Window, hit: list[Alert], now: datetime) -> None:
    from alerts.services.telling import deliver  # noqa: PLC0415 - it announces by this module

    first = min(hit, key=lambda alert: (alert.severity != "critical", alert.pk))
    incident = first.incident
    assert incident is not None  # noqa: S101 - chosen so
    minutes = max(1, round((window[1] - now).total_seconds() / 60))
    more = f" and {len(hit) - 1} more are" if len(hit) > 1 else " is"
    what = f"{first.rule.name} on {first.server.name}{more} still firing."
    text = f"The silence “{silence.reason[:200]}” ends in {minutes} minutes and {what}"
    facts = {
        "about": "silence_ends", "reason": silence.reason, "ends": window[1].timestamp(), "severity": first.severity,
        "firing": len(hit),
    }  # fmt: skip
    notice = Notice.objects.create(
        incident=incident, kind="reminder", at=now, told_at=now, text=text[:400], facts=facts
    )
    deliver(notice, _owner_or_targets(silence, first, now), now)


def _owner_or_targets(silence: Silence, alert: Alert, now: datetime) -> list[To]:
    owner = silence.owner
    if owner is not None and people.may_be_told(owner, silence.team):
        reaches = people.ways(owner, alert.severity, now)
        return [To(reach.channel.pk, reach.recipient, reach.due_at, owner.pk) for reach in reaches]
    assert alert.incident is not None  # noqa: S101 - chosen so
    return list(Book(now).aims(alert.incident, alert.rule.notify, alert.severity).places)
