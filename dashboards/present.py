"""Servers as pages, sockets and the API show them: one shape for all."""

from __future__ import annotations

from typing import Any

import numpy as np

from alerts.models import Alert
from metrics.store import Newest, latest
from servers.models import Server
from servers.services import outdated, watch

Shown = dict[str, Any]


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
