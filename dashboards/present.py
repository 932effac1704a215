"""Servers and incidents as pages, sockets and the API show them: one shape for all."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.db.models import Prefetch, prefetch_related_objects

from alerts.models import Alert, Incident
from metrics.store import Newest, latest
from servers.models import Server
from servers.services import outdated, watch

Shown = dict[str, Any]
ALERTS = Prefetch("alerts", Alert.objects.select_related("rule", "server", "series").order_by("-severity", "-pk"))


def server(row: Server, health: str, newest: Newest | None = None) -> Shown:
    """What a list shows of a server; numbers only while it reports, never a zero for silence."""
    newest = newest or latest.get(row.pk)
    mark = (newest.received, newest.at) if newest else None
    state, waiting = watch.state(row.pk, mark, row.interval, paused=row.paused)
    return {
        "id": str(row.uuid),
        "name": row.name,
        "tags": row.tags,
        "os": row.os,
        "team": row.team.name,
        "role": row.role,
        "site": row.site,
        "environment": row.environment,
        "paused": row.paused,
        "agent": {"version": row.agent, "outdated": outdated(row.agent)},
        "offered": bool(row.offered),
        "reach": state,
        "waiting": waiting,
        "health": health,
        "seen": newest.received / 1000 if newest else None,
        "interval": row.interval,
        "demo": row.demo,
        "url": f"/servers/{row.uuid}/",
        **headline(newest),
    }


def headline(newest: Newest | None) -> Shown:
    """The handful of numbers that a fleet is read by."""
    if newest is None:
        return dict.fromkeys(("cpu", "memory", "disk", "net", "load"))
    return {
        "cpu": newest.value("cpu_used_percent"),
        "memory": newest.value("memory_used_percent"),
        "disk": _over(newest, "disk_used_percent", np.nanmax),
        "net": _net(newest),
        "load": newest.value("load1"),
    }


def _over(newest: Newest, metric: str, how: Any) -> float | None:
    """All label sets of a metric as one number."""
    places = [place for column, place in newest.layout.place.items() if column.partition("{")[0] == metric]
    values = newest.values[places]
    return None if not len(values) or np.isnan(values).all() else round(float(how(values)), 2)


def _net(newest: Newest) -> float | None:
    parts = [_over(newest, f"net_{way}_bytes_per_second", np.nansum) for way in ("received", "sent")]
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def health_of(servers: list[int]) -> dict[int, str]:
    """The worst open alert of each server that has one."""
    rows = Alert.objects.open().filter(server__in=servers).exclude(state="pending")
    worst: dict[int, str] = {}
    for pk, severity in rows.values_list("server_id", "severity"):
        if worst.get(pk) != "critical":
            worst[pk] = severity
    return worst


def servers(rows: list[Server]) -> list[Shown]:
    health = health_of([row.pk for row in rows])
    return [server(row, health.get(row.pk, "ok")) for row in rows]


def incident(row: Incident) -> Shown:
    """An incident with the alert that speaks for it: the newest of the worst."""
    prefetch_related_objects([row], ALERTS)  # nothing to do where a list was read with them
    alerts = list(row.alerts.all())
    alert = next((one for one in alerts if one.severity == row.severity), alerts[0] if alerts else None)
    owner = row.acknowledged_by
    return {
        "id": str(row.uuid),
        "title": row.title,
        "severity": row.severity,
        "state": row.state,
        "since": row.opened_at.timestamp(),
        "until": row.resolved_at.timestamp() if row.resolved_at else None,
        "owner": str(owner) if owner else None,
        "url": f"/incidents/{row.uuid}/",
        **_evidence(alert),
    }


def _evidence(alert: Alert | None) -> Shown:
    if alert is None:
        return {"server": None, "rule": "", "metric": "", "labels": {}, "value": None, "limit": None}
    target = alert.server
    return {
        "server": {"id": str(target.uuid), "name": target.name, "url": f"/servers/{target.uuid}/"},
        "rule": alert.rule.name,
        "metric": alert.series.metric,
        "labels": alert.labels,
        "value": alert.value,
        "limit": alert.limit,
    }


def timeline(row: Incident) -> list[Shown]:
    """What happened, and what became of telling people, in the order of time."""
    entries = []
    for notice in row.notices.prefetch_related("deliveries__channel"):
        entries.append({"at": notice.at.timestamp(), "text": notice.text, "kind": notice.kind})
        entries += _told(list(notice.deliveries.all()))
    return sorted(entries, key=lambda entry: entry["at"])


def _told(deliveries: list[Any]) -> list[Shown]:
    """What became of one notice: channels with the same fate share a line."""
    alike: dict[tuple[str, str], list[Any]] = {}
    for delivery in deliveries:
        alike.setdefault((delivery.state, "" if delivery.state == "sent" else delivery.error), []).append(delivery)
    entries = []
    for (state, error), group in alike.items():
        at = max(one.sent_at or one.due_at for one in group)
        text = _delivered(state, error, _listed(sorted(one.channel.name for one in group)))
        entries.append({"at": at.timestamp(), "text": text, "kind": f"delivery {state}"})
    return entries


def _listed(names: list[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _delivered(state: str, error: str, names: str) -> str:
    if state == "sent":
        return f"Told over {names}."
    if state == "dead":
        return f"Could not be told over {names}: {error}"
    if state == "dropped":
        return f"Not told over {names}: it was over before."
    return f"Trying {names} again: {error}" if error else f"Telling over {names}."
