"""What needed nobody today, from the record: what ended by itself, was silenced, or was told as part of its cause."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count

from accounts.models import User
from alerts.models import Alert, Incident, Notice
from alerts.services import said

SHOWN = 4
Person = User | AnonymousUser
Line = dict[str, Any]


def today(user: Person, since: datetime) -> list[Line]:
    """At most so many lines, the newest first; each says what was done and leads to it."""
    lines = [*_folded(user, since), *_grouped(user, since), *_silenced(user, since), *_ended(user, since)]
    return sorted(lines, key=lambda line: -line["at"])[: 2 * SHOWN]


def _ended(user: Person, since: datetime) -> list[Line]:
    """Over before anybody took it."""
    by_hand = Notice.objects.visible_to(user).filter(kind="resolved", by__isnull=False, at__gte=since)
    rows = Incident.objects.visible_to(user).filter(resolved_at__gte=since, acknowledged_at=None, parent=None)
    rows = rows.exclude(pk__in=by_hand.values("incident"))
    count = rows.count()
    lines = [_line("ended", row, lasted=_lasted(row)) for row in rows.order_by("-resolved_at")[:SHOWN]]
    if count > SHOWN:
        lines[-1] = {**lines[-1], "kind": "endedMore", "n": count - SHOWN + 1, "url": "/record/"}
    return lines


def _lasted(row: Incident) -> float:
    return (row.resolved_at - row.opened_at).total_seconds() if row.resolved_at else 0.0


def _folded(user: Person, since: datetime) -> list[Line]:
    """Troubles that another one explains: told as that one alone."""
    rows = Incident.objects.visible_to(user).filter(opened_at__gte=since, parent__isnull=False)
    counted = rows.order_by().values("parent").annotate(n=Count("pk")).order_by("-n")[:SHOWN]
    by_parent = {one["parent"]: one["n"] for one in counted if one["parent"] is not None}
    causes = Incident.objects.visible_to(user).filter(pk__in=by_parent)
    return [_line("folded", cause, n=by_parent[cause.pk]) for cause in causes]


def _grouped(user: Person, since: datetime) -> list[Line]:
    """Many alerts, one trouble."""
    alerts = Alert.objects.visible_to(user).filter(incident__opened_at__gte=since).order_by()
    counted = alerts.values("incident").annotate(n=Count("pk", distinct=True)).filter(n__gt=2).order_by("-n")[:SHOWN]
    held = {one["incident"]: one["n"] for one in counted}
    rows = Incident.objects.visible_to(user).filter(pk__in=held)
    return [_line("grouped", row, n=held[row.pk]) for row in rows]


def _silenced(user: Person, since: datetime) -> list[Line]:
    rows = Notice.objects.visible_to(user).filter(at__gte=since, kind="firing", held__contains="silenced: ")
    newest = rows.select_related("incident").order_by("-at").first()
    if newest is None:
        return []
    line = _line("silenced", newest.incident, n=rows.values("incident").distinct().count())
    return [{**line, "at": newest.at.timestamp(), "url": "/record/"}]


def _line(kind: str, row: Incident, **more: Any) -> Line:
    at = row.resolved_at if kind == "ended" and row.resolved_at else row.opened_at
    title, url = said.title(row), f"/incidents/{row.uuid}/"
    return {"kind": kind, "title": title, "at": at.timestamp(), "url": url, **more}
