"""What the pages on which alerts are set up show: rules, channels, silences, chains, schedules, own ways."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import Team, User
from alerts.models import Chain, Channel, Delivery, Preference, Rule, Schedule, Silence, Way
from alerts.services import chains, silences
from dashboards.alerting.incidents import Shown, seconds
from metrics.store import SERIES, spoken


def metrics() -> list[Shown]:
    """What a rule may be about, as people say it, with limits to start from."""
    return [
        {
            "name": name,
            "title": spoken(name),
            "meaning": one.meaning,
            "unit": one.unit,
            "op": "below" if one.good == "high" else "above",
            "warn": one.warn,
            "critical": one.critical,
            "labels": list(one.labels),
        }
        for name, one in SERIES.items()
    ]


def rule(row: Rule) -> Shown:
    """The body that the API takes, so that the editor sends back what it got."""
    return {
        "id": str(row.uuid),
        "team": row.team.name,
        "name": row.name,
        "kind": row.kind,
        "metric": row.metric,
        "labels": row.labels,
        "selector": row.selector,
        "op": row.op,
        "warn": row.warn,
        "warn_recover": row.warn_recover,
        "critical": row.critical,
        "critical_recover": row.critical_recover,
        "for": row.for_seconds,
        "keep_firing_for": row.keep_firing_seconds,
        "params": row.params,
        "notify": row.notify,
        "group_by": row.group_by,
        "group_wait": row.group_wait,
        "group_interval": row.group_interval,
        "repeat_intervals": row.repeat_intervals,
        "runbook": row.runbook,
        "enabled": row.enabled,
    }


def targets(channels: Iterable[Channel], chains: Iterable[Chain], people: Iterable[User]) -> list[Shown]:
    """Whom a rule or a step may tell."""
    found = [{"kind": "chain", "id": str(one.uuid), "name": one.name, "team": one.team.name} for one in chains]
    found += [
        {"kind": "channel", "id": str(one.uuid), "name": one.name, "team": one.team.name if one.team else ""}
        for one in channels
    ]
    return found + [{"kind": "person", "id": str(one.uuid), "name": str(one), "team": ""} for one in people]


def channel(row: Channel, dead: int, last: Delivery | None) -> Shown:
    """`last` is the newest message that was tried: only what was delivered shows that a channel works."""
    return {
        "id": str(row.uuid),
        "team": row.team.name if row.team else "",
        "name": row.name,
        "kind": row.kind,
        "enabled": row.enabled,
        "default": row.default,
        "language": row.language,
        "fallback": str(row.fallback.uuid) if row.fallback else None,
        "storm_cap": row.storm_cap,
        "fault": row.fault,
        "resting_until": seconds(row.resting_until),
        "failures": row.failures,
        "dead": dead,
        "tried": last is not None or bool(row.test_error),
        "last_error": _last_error(row, last),
    }


def _last_error(row: Channel, last: Delivery | None) -> str:
    """Of the newest message; of a test where none went out since it failed."""
    if row.test_failed_at and not (last and last.sent_at and last.sent_at > row.test_failed_at):
        return row.test_error
    return last.error or last.state if last and last.state != "sent" else ""


def discreet(found: Shown) -> Shown:
    """As those see it who do not manage its team: that it fails, not what its provider said."""
    kept = _("the admins of its team see what its provider said")
    return {**found, **{name: kept for name in ("fault", "last_error") if found[name]}}


def silence(row: Silence, now: datetime) -> Shown:
    when = silences.times(row)
    over = bool(row.ended_at or (row.ends_at and row.ends_at <= now))
    window = None if over else next(iter(when.next(now, 1)), None)
    return {
        "id": str(row.uuid),
        "team": row.team.name,
        "selector": row.selector,
        "rule": row.rule.name if row.rule else "",
        "starts": row.starts_at.timestamp(),
        "ends": seconds(row.ends_at),
        "rrule": row.rrule,
        "duration": row.duration,
        "zone": row.zone,
        "reason": row.reason,
        "owner": str(row.owner) if row.owner else "",
        "ended": seconds(row.ended_at),
        "over": over,
        "on": window is not None and window[0] <= now,
        "window": [window[0].timestamp(), window[1].timestamp()] if window else None,
    }


def chain(row: Chain) -> Shown:
    return {
        "id": str(row.uuid), "team": row.team.name, "name": row.name, "default": row.default,
        "unacknowledge": row.unacknowledge, "steps": row.steps, "warnings": chains.warnings(row),
    }  # fmt: skip


def schedule(row: Schedule) -> Shown:
    return {
        "id": str(row.uuid),
        "team": row.team.name,
        "name": row.name,
        "zone": row.zone,
        "fallback": str(row.fallback.uuid) if row.fallback else None,
        "rotations": [
            {
                "people": one.people,
                "days": one.days,
                "starts_on": one.starts_on.isoformat(),
                "ends_on": one.ends_on.isoformat() if one.ends_on else None,
                "hand_over": _clock(one.hand_over),
                "hours_from": _clock(one.hours_from),
                "hours_until": _clock(one.hours_until),
                "weekdays": one.weekdays,
            }
            for one in row.rotations.all()
        ],
        "overrides": [
            {
                "id": str(one.uuid), "user": str(one.user.uuid), "name": str(one.user),
                "starts_at": one.starts_at.timestamp(), "ends_at": one.ends_at.timestamp(),
            }
            for one in row.overrides.all()
        ],
    }  # fmt: skip


def preference(user: User, row: Preference | None) -> Shown:
    row = row or Preference(user=user)
    return {
        "language": row.language,
        "zone": row.zone,
        "quiet_from": _clock(row.quiet_from),
        "quiet_until": _clock(row.quiet_until),
        "quiet_days": row.quiet_days,
        "critical_breaks_quiet": row.critical_breaks_quiet,
    }


def way(row: Way) -> Shown:
    return {
        "id": str(row.uuid), "channel": str(row.channel.uuid), "place": row.place, "severity": row.severity,
        "after": row.after,
    }  # fmt: skip


def people(teams: Iterable[Team]) -> list[User]:
    """Everybody in these teams, once."""
    return list(User.objects.filter(memberships__team__in=teams, is_active=True).order_by("email").distinct())


def _clock(time: Any) -> str | None:
    return time.strftime("%H:%M") if time else None
