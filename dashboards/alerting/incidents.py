"""Incidents as pages, sockets and the inbox show them: one shape for all, a handful of questions for any number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Prefetch, QuerySet, prefetch_related_objects
from django.utils import translation

from alerts.models import Alert, Delivery, Incident, Notice, Step
from alerts.services import audience, said
from checks import services as checks
from core.clock import milliseconds
from dashboards.alerting.hushed import hushed, why
from dashboards.alerting.sentences import joined, subject
from metrics.store import latest
from servers.models import Server

Shown = dict[str, Any]
MEMBERS = 20
MOST_SILENT = 1000
SILENCE = "silent_seconds"
# What has a number worth reading beside a title: not a state, a score, or how long something lasts.
MEASURED = {"threshold", "change", "past"}
UNITS = ("_percent", "_bytes", "_per_second", "_seconds", "_celsius")
OLD, LEAST_OLD = 3, 15  # intervals, as everywhere; seconds
FACE = ("uuid", "name", "fingerprint", "stands_for", "interval")
SPEAKS = (F("resolved_at").desc(nulls_first=True), "severity", "-pk")
"""The newest of the worst, open ones first."""


def _speaking(rows: Sequence[Incident], of: Server | None = None) -> Prefetch[Any]:
    """The alert that speaks for its incident, of those that may be seen; on a server's page one of that server."""
    # Of a server its name is told, and rules and series are few: whole models of each cost half of the page.
    mine = seen(rows).filter(server=of) if of else seen(rows)
    alerts = mine.select_related("server").only(*_fields(), *(f"server__{name}" for name in FACE))
    return Prefetch("alerts", alerts.prefetch_related("rule", "series").order_by(*SPEAKS)[:1], to_attr="speaking")


@cache
def _fields() -> tuple[str, ...]:
    return tuple(field.name for field in Alert._meta.concrete_fields)


def seen(rows: Sequence[Incident]) -> QuerySet[Alert]:
    """The alerts that whoever these were read for may know of."""
    viewer = rows[0].viewer if rows else None
    return (
        Alert.objects.filter(pk__in=Alert.objects.visible_to(viewer).values("pk")) if viewer else Alert.objects.all()
    )


def incident(row: Incident) -> Shown:
    return incidents([row])[0]


def incidents(rows: Sequence[Incident], of: Server | None = None) -> list[Shown]:
    """`of`: as the page of this server tells them, which is not about the others of a group."""
    return _read(rows, of)()


def live(row: Incident) -> Shown:
    """For pages in any language: in the product's own, and `said`, what is another in each of the others."""
    write = _read([row])
    found: dict[str, Shown] = {}
    for code, _ in settings.LANGUAGES:
        with translation.override(code):
            found[code] = write()[0]
    own = found.pop(settings.LANGUAGE_CODE)
    said = {code: {key: value for key, value in one.items() if value != own[key]} for code, one in found.items()}
    return {**own, "said": said}


def _read(rows: Sequence[Incident], of: Server | None = None) -> Callable[[], list[Shown]]:
    """All that is asked of the database; what comes of it writes them down in the active language."""
    prefetch_related_objects(list(rows), _speaking(rows, of), "team", "acknowledged_by", "rule", "parent")
    keys = [row.pk for row in rows]
    members = members_of(rows)
    if of:
        _told_of(of, [row for row in rows if members.get(row.pk, (0, 0))[0] > 1])
    next_steps = {step.incident_id: step for step in _steps(keys)}
    quiet = hushed(rows)
    hushing = [
        row.pk for row in rows if any(alert.series.metric == SILENCE for alert in getattr(row, "speaking", []))
    ]
    quiet_ones = silent(rows, hushing)
    parents = {row.pk: parent_of(row) for row in rows}
    return lambda: [
        {
            **_shown(row, members.get(row.pk, (0, 0)), next_steps.get(row.pk), parents[row.pk]),
            **(_own_begin(row) if of else {}),
            "hushed": _why(quiet.get(row.pk)),
            "silent": quiet_ones.get(row.pk, []),
        }
        for row in rows
    ]


def _told_of(server: Server, rows: Sequence[Incident]) -> None:
    """A group by its part on this server; the rows are not saved so."""
    for row in rows:
        for alert in getattr(row, "speaking", []):
            row.title, row.said = said.alone(alert.rule.name, server.name)


def _own_begin(row: Incident) -> Shown:
    speaking = getattr(row, "speaking", [])
    return {"began": speaking[0].since / 1000} if speaking else {}


def _why(found: tuple[str, float | None] | None) -> Shown | None:
    return {"why": why(found[0]), "until": found[1]} if found else None


def silent(rows: Sequence[Incident], keys: list[int]) -> dict[int, list[str]]:
    """The servers that each of these calls silent now: pages count such a server with its incident, not once more."""
    if not keys:
        return {}
    alerts = seen(rows).filter(incident__in=keys, resolved_at=None, series__metric=SILENCE).order_by("pk")
    found: dict[int, list[str]] = {}
    for key, uuid in alerts.values_list("incident", "server__uuid")[:MOST_SILENT]:
        found.setdefault(key or 0, []).append(str(uuid))
    return found


def speaking(rows: Sequence[Incident]) -> list[Any]:
    """Those that an alert speaks for, with it as `speaking`."""
    prefetch_related_objects(list(rows), _speaking(rows))
    return [row for row in rows if getattr(row, "speaking", [])]


def members_of(rows: Sequence[Incident]) -> dict[int, tuple[int, int]]:
    """How many alerts each holds, and how many of them are still open."""
    alerts = seen(rows).filter(incident__in=[row.pk for row in rows]).order_by().values_list("incident")
    counted = alerts.annotate(all=Count("pk"), over=Count("resolved_at"))
    return {key: (count, count - over) for key, count, over in counted if key is not None}


def _steps(keys: list[int]) -> QuerySet[Step]:
    """What a chain does next, waiting aside; the earliest comes last, so that it stays in a dictionary."""
    return Step.objects.filter(incident__in=keys, done_at=None).exclude(kind="wait").order_by("-due_at", "-place")


def told_to(person: Any) -> list[str]:
    """The open incidents of which this person was told by name."""
    deliveries = Delivery.objects.filter(person=person.pk, notice__incident__resolved_at=None)
    return [str(uuid) for uuid in deliveries.order_by().values_list("notice__incident__uuid", flat=True).distinct()]


def _shown(row: Incident, members: tuple[int, int], step: Step | None, parent: Incident | None) -> Shown:
    speaking = getattr(row, "speaking", [])
    return {
        **named(row, parent),
        "title": joined(said.title(row)),
        "began": _began(row, speaking, members[0]),
        "taken": _taken(row),
        "members": members[0],
        "open": members[1],
        "next": {"at": step.due_at.timestamp(), "kind": step.kind} if step and not row.resolved_at else None,
        "held": said.title(parent) if parent else "",
        **_evidence(speaking[0] if speaking else None, row),
    }


def named(row: Incident, parent: Incident | None) -> Shown:
    """What every list says of it."""
    owner = row.acknowledged_by
    return {
        "id": str(row.uuid),
        "title": said.title(row),
        "team": row.team.name,
        "severity": row.severity,
        "state": row.state,
        "since": row.opened_at.timestamp(),
        "until": seconds(row.resolved_at),
        "owner": str(owner) if owner else None,
        "owner_id": str(owner.uuid) if owner else None,
        "parent": str(parent.uuid) if parent else None,
        "url": f"/incidents/{row.uuid}/",
    }


def beginning(row: Incident) -> float:
    """What its page calls the beginning."""
    (one,) = speaking([row]) or [row]
    return _began(row, getattr(one, "speaking", []), members_of([row]).get(row.pk, (0, 0))[0])


def _began(row: Incident, speaking: Sequence[Alert], members: int) -> float:
    """As messages count: one alert from its first bad sample, several from when they were told together."""
    return speaking[0].since / 1000 if speaking and members == 1 else row.opened_at.timestamp()


def _taken(row: Incident) -> Shown | None:
    if not row.acknowledged_at:
        return None
    return {
        "at": row.acknowledged_at.timestamp(),
        "how": row.acknowledged_how,
        "until": seconds(row.acknowledged_until),
        "reason": row.acknowledged_reason,
        "over": row.acknowledged_over,
    }


def _evidence(alert: Alert | None, row: Incident) -> Shown:
    if alert is None:
        rule = row.rule.name if row.rule else ""
        none = dict.fromkeys(("server", "value", "newest", "limit"))
        return {**none, "rule": rule, "metric": "", "labels": {}, "what": ""}
    return {
        "server": subject_of(alert.server),
        "rule": alert.rule.name,
        "metric": alert.series.metric,
        "labels": alert.labels,
        "what": subject(alert.rule, alert.series.metric, alert.labels),
        "per": alert.rule.params.get("per", ""),
        "value": alert.value,
        "newest": None if alert.resolved_at else newest(alert),
        "heard": _heard(alert),
        "limit": alert.limit,
    }


def newest(alert: Alert) -> float | None:
    """What was measured last of what broke its rule, while it still describes the machine."""
    metric, rule = alert.series.metric, alert.rule
    if metric == SILENCE or rule.kind not in MEASURED or "per" in rule.params or not metric.endswith(UNITS):
        return None
    column, server = str(alert.series), alert.server
    row = latest.get(server.pk)
    value = row.value(column) if row else None
    told = (row.received, value) if row and value is not None else latest.own_value(server.pk, column)
    if told is None or told[0] < milliseconds() - 1000 * max(LEAST_OLD, OLD * server.interval):
        return None
    return told[1]


def subject_of(server: Server) -> Shown:
    """What broke, and its page: a machine, or a check that stands alone."""
    page = checks.page_of(server)
    found = {"id": str(server.uuid), "name": server.name, "url": page or f"/servers/{server.uuid}/"}
    return {**found, "check": True} if page else found


def _heard(alert: Alert) -> float | None:
    """When a silent server spoke last, as it was judged."""
    if alert.series.metric != SILENCE or alert.resolved_at:
        return None
    return alert.judged / 1000 - alert.value


def members(row: Incident, start: int = 0, count: int = MEMBERS) -> list[Shown]:
    """The alerts an incident holds: open ones first, the worst of them first."""
    order = (F("resolved_at").desc(nulls_first=True), "severity", "server__name", "pk")
    alerts = row.seen_alerts().select_related("rule", "server", "series").order_by(*order)
    return [_member(alert) for alert in alerts[start : start + count]]


def _member(alert: Alert) -> Shown:
    return {
        "id": str(alert.uuid),
        "server": subject_of(alert.server),
        "rule": alert.rule.name,
        "what": subject(alert.rule, alert.series.metric, alert.labels),
        "metric": alert.series.metric,
        "labels": alert.labels,
        "per": alert.rule.params.get("per", ""),
        "state": alert.state,
        "severity": alert.severity,
        "value": alert.value,
        "heard": _heard(alert),
        "limit": alert.limit,
        "since": alert.since / 1000,
        "until": seconds(alert.resolved_at),
    }


def family(row: Incident) -> Shown:
    """The trouble that explains this one, and those that this one explains."""
    children = row.seen_kin().filter(parent=row.pk, resolved_at=None).order_by("opened_at")[:MEMBERS]
    parent = parent_of(row)
    return {
        "parent": _kin(parent) if parent else None,
        "children": [_kin(child) for child in children],
    }


def parent_of(row: Incident) -> Incident | None:
    return row.parent if row.viewer is None else row.seen_kin().filter(pk=row.parent_id or 0).first()


def _kin(row: Incident) -> Shown:
    return {
        "title": said.title(row),
        "url": f"/incidents/{row.uuid}/",
        "severity": row.severity,
        "state": row.state,
    }


def coming(row: Incident) -> Shown:
    """What will be said next by itself: news that wait for their group, or the same once more."""
    waiting = Notice.objects.filter(incident=row, told_at=None, held="", kind__in=("firing", "resolved")).exists()
    found: Shown = {"at": None if row.resolved_at and not waiting else seconds(row.next_at), "news": waiting}
    if row.resolved_at or row.acknowledged_at:
        return found
    whom, chains = audience.named(row)
    return {**found, "to": whom, "rest": _rest(row, whom, chains)}


def _rest(row: Incident, whom: list[str], chains: list[str]) -> str:
    """What becomes of it while nobody takes it, where no step of a chain is still to come."""
    alerts = row.alerts.open().order_by()
    if alerts.filter(server__demo=True).exists() and not alerts.filter(server__demo=False).exists():
        return "simulated"
    if row.steps.exists():
        return "" if row.steps.filter(done_at=None).exists() else "chainOver"
    if chains:
        return ""
    return "noChain" if whom else "nobody"


def seconds(at: datetime | None) -> float | None:
    return at.timestamp() if at else None
