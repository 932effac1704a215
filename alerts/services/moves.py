"""Move an alert, its incident and its notices together, in the transaction of whoever judged."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.db import transaction

from alerts import messages
from alerts.engine import Limits, Track
from alerts.models import Alert, Incident
from alerts.services import seen, telling

ALERTS_CHANGED = "alerts-changed"


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
    telling.unsent(alert, now).update(state="dropped")  # the worse news replaces the milder one that still waits
    telling.tell(incident, alert, "firing", text, now, telling.due(alert.rule, severity, now))


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
    telling.tell(incident, alert, "resolved", text or messages.good_sentence(alert, track.value), now, now)
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
    transaction.on_commit(partial(seen.told, incident))
