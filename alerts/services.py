"""Move an alert, its incident and its notices together; acknowledge; tell a test."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Team, User
from alerts import messages
from alerts.channels.base import channels
from alerts.defaults import DEFAULTS
from alerts.engine import Limits, Track
from alerts.models import Alert, Channel, Delivery, Incident, Notice, Rule
from core import runner, sealed
from core.clock import now
from core.registry import Unknown

RULES_CHANGED = "rules-changed"
ALERTS_CHANGED = "alerts-changed"
WAIT = {"critical": 0, "warn": 10}

log = logging.getLogger(__name__)

Changed = Callable[[Incident], None]
Target = tuple[int, str]  # channel, recipient
_watchers: list[Changed] = []


def on_change(watcher: Changed) -> None:
    """Whoever shows incidents is told after the commit; a topic downwards, not an import upwards."""
    if watcher not in _watchers:
        _watchers.append(watcher)


def _told(incident: Incident) -> None:
    for watcher in _watchers:
        try:
            watcher(incident)
        except Exception:
            # It is committed and will be told; a page that did not hear of it asks again.
            log.exception("Somebody who shows incidents could not be told")


def rules_changed() -> None:
    """After a rule was made, changed or removed: the next sample is judged by what stands now."""
    transaction.on_commit(partial(runner.wake, RULES_CHANGED))


def open_pending(rule: int, server: int, series: int, track: Track, limits: Limits) -> Alert:
    """The first bad sample: remembered, not told yet."""
    alert, _ = Alert.objects.get_or_create(
        rule_id=rule,
        server_id=server,
        series_id=series,
        resolved_at=None,
        defaults={
            "severity": messages.severity_name(track.severity),
            "value": track.value,
            "limit": limits.limit(track.severity),
            "since": track.since,
            "judged": track.judged,
        },
    )
    return alert


def fire(alert: Alert, track: Track, limits: Limits, now: datetime) -> None:
    """It is bad, or worse than told: one notice for this transition."""
    severity = messages.severity_name(track.severity)
    _remember(alert, track, severity, limits.limit(track.severity))
    text = messages.sentence(alert, alert.value, alert.limit)
    incident = _incident(alert, severity, text, now)
    alert.incident = incident
    alert.transition += 1
    alert.save()
    _unsent(alert, now).update(state="dropped")  # the worse news replaces the milder one that still waits
    _tell(incident, alert, "firing", text, now, _due(alert.rule, severity, now))


def keep(alert: Alert, track: Track, limits: Limits) -> None:
    """A change that is nobody's news: recovering, milder, pending on."""
    severity = messages.severity_name(track.severity) if track.severity else alert.severity
    _remember(alert, track, severity, alert.limit if not track.severity else limits.limit(track.severity))
    alert.save()
    if alert.incident:
        _level(alert.incident)


def resolve(alert: Alert, track: Track, now: datetime, *, text: str = "") -> None:
    """The end: who was told of the trouble is told of it; an alert that nobody heard of just goes."""
    if alert.state == "pending":
        alert.delete()
        return
    alert.state, alert.judged, alert.value = "resolved", track.judged, track.value
    alert.resolved_at = now
    alert.transition += 1
    alert.save()
    incident = alert.incident
    if incident is None:
        return
    _tell(incident, alert, "resolved", text or messages.good_sentence(alert, track.value), now, now)
    if not incident.alerts.open().exists():
        incident.resolved_at = now
        incident.save(update_fields=["resolved_at"])
    else:
        _level(incident)


def _remember(alert: Alert, track: Track, severity: str, limit: float) -> None:
    alert.state, alert.severity, alert.limit = track.state, severity, limit
    alert.value, alert.judged, alert.good_since = track.value, track.judged, track.good_since


def _incident(alert: Alert, severity: str, title: str, now: datetime) -> Incident:
    incident, made = Incident.objects.get_or_create(
        key=f"rule {alert.rule_id} server {alert.server_id}",
        resolved_at=None,
        defaults={
            "team": alert.rule.team, "title": title[:300], "severity": severity, "opened_at": now,
        },
    )  # fmt: skip
    if not made and severity == "critical" and incident.severity != "critical":
        incident.severity, incident.title = severity, title[:300]
        incident.save(update_fields=["severity", "title"])
    return incident


def _level(incident: Incident) -> None:
    """An incident is as bad as its worst open alert."""
    open_ = set(incident.alerts.open().exclude(state="pending").values_list("severity", flat=True))
    worst = "critical" if "critical" in open_ else "warn"
    if open_ and worst != incident.severity:
        incident.severity = worst
        incident.save(update_fields=["severity"])
    transaction.on_commit(partial(_told, incident))


def _due(rule: Rule, severity: str, now: datetime) -> datetime:
    wait = WAIT[severity] if rule.group_wait is None else rule.group_wait
    return now + timedelta(seconds=wait)


def _tell(incident: Incident, alert: Alert, kind: str, text: str, now: datetime, due: datetime) -> None:
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
        _deliver(notice, _heard(alert, now) if kind == "resolved" else _targets(alert), due)
    transaction.on_commit(partial(_told, incident))


def _deliver(notice: Notice, targets: list[Target], due: datetime) -> None:
    Delivery.objects.bulk_create(
        [Delivery(notice=notice, channel_id=channel, recipient=to, due_at=due) for channel, to in targets],
        ignore_conflicts=True,
    )
    transaction.on_commit(partial(runner.wake, "deliver"))


def _targets(alert: Alert) -> list[Target]:
    """The channels a rule names, else the team's default ones; each recipient is told, and retried, alone."""
    if alert.server.demo:  # nobody is woken by what is simulated
        return []
    rule = alert.rule
    mine = Channel.objects.filter(team=rule.team_id, enabled=True)
    named = [target["channel"] for target in rule.notify if isinstance(target, dict) and "channel" in target]
    found = list(mine.filter(uuid__in=named)) if named else []
    # A rule whose channels were switched off must not fall silent.
    return [(channel.pk, to) for channel in found or mine.filter(default=True) for to in recipients(channel)]


def recipients(channel: Channel) -> list[str]:
    try:
        return channels.get(channel.kind)(channel.config).recipients()
    except (Unknown, sealed.Broken, ValueError, ValidationError):
        return [""]  # the delivery fails with the reason, where people see it


def _unsent(alert: Alert, now: datetime) -> QuerySet[Delivery]:
    """What still waits for its group and was never tried."""
    return Delivery.objects.filter(
        notice__alert=alert, notice__kind="firing", state="waiting", attempts=0, due_at__gt=now
    )


def _heard(alert: Alert, now: datetime) -> list[Target]:
    """Who was told that it fires, or is about to be. What still waits for its group is not sent any more."""
    _unsent(alert, now).update(state="dropped")
    told = Delivery.objects.filter(notice__alert=alert, notice__kind="firing").exclude(state="dropped")
    return list(told.order_by().values_list("channel_id", "recipient").distinct())


@transaction.atomic
def acknowledge(incident: Incident, now: datetime, *, by: User) -> None:
    """Somebody looks after it, and who was told of it hears so; acknowledging twice does nothing."""
    updated = Incident.objects.open().filter(pk=incident.pk, acknowledged_at=None)
    if updated.update(acknowledged_at=now, acknowledged_by=by):
        incident.refresh_from_db()
        text = f"{by} looks after it: {incident.title}"[:400]
        notice = Notice.objects.create(incident=incident, kind="acknowledged", at=now, by=by, text=text)
        told = Delivery.objects.filter(notice__incident=incident, notice__kind="firing", state="sent")
        _deliver(notice, list(told.order_by().values_list("channel_id", "recipient").distinct()), now)
        transaction.on_commit(partial(_told, incident))


@transaction.atomic
def close(incident: Incident, now: datetime, *, by: User) -> None:
    """A person says that it is over: its alerts end, and who was told hears of it."""
    chosen = incident.alerts.open().select_related("rule", "server", "series", "incident")
    for alert in chosen.select_for_update(of=("self",)):
        track = Track(judged=alert.judged, value=alert.value)
        resolve(alert, track, now, text=f"{alert.server.name}: {alert.rule.name} was closed by {by}.")
    if Incident.objects.open().filter(pk=incident.pk).update(resolved_at=now):
        transaction.on_commit(partial(_told, incident))
    transaction.on_commit(partial(runner.wake, ALERTS_CHANGED))


@transaction.atomic
def remove_rule(rule: Rule, now: datetime) -> None:
    """A rule ends; what it began is told to its end before anything of it goes."""
    Rule.objects.standing().filter(pk=rule.pk).update(removed_at=now, enabled=False, changed_at=now)
    chosen = Alert.objects.open().filter(rule=rule).select_related("rule", "server", "series", "incident")
    for alert in chosen.select_for_update(of=("self",)):
        track = Track(judged=alert.judged, value=alert.value)
        resolve(alert, track, now, text=f"{alert.server.name}: the rule {rule.name} was removed.")
    rules_changed()
    transaction.on_commit(partial(runner.wake, ALERTS_CHANGED))


def servers_removed(servers: list[int]) -> None:
    """In the transaction that removes them: what is open ends and is told; incidents stay, as what was said."""
    chosen = Alert.objects.open().filter(server__in=servers).select_related("rule", "server", "series", "incident")
    for alert in chosen.select_for_update(of=("self",)):
        track = Track(judged=alert.judged, value=alert.value)
        resolve(alert, track, now(), text=f"{alert.server.name}: it is no longer watched.")
    # The alerts go with their server; what is still to be told of them does not.
    Notice.objects.filter(alert__server__in=servers).update(alert=None)
    rules_changed()
    transaction.on_commit(partial(runner.wake, ALERTS_CHANGED))


def naming(channel: Channel) -> list[str]:
    """The rules that tell by this channel."""
    rules = Rule.objects.standing().filter(team=channel.team_id)
    return [rule.name for rule in rules if {"channel": str(channel.uuid)} in rule.notify]


def make_default_rules(team: Team) -> None:
    """What a new team begins with; rules that are there already stay as they are."""
    for rule in DEFAULTS:
        fields = {field.name: getattr(rule, field.name) for field in _COPIED}
        Rule.objects.get_or_create(team=team, name=rule.name, defaults=fields)


_OWN = {"id", "uuid", "team", "name", "changed_at"}
_COPIED = [field for field in Rule._meta.concrete_fields if field.name not in _OWN]
