"""Servers as pages, sockets and the API show them: one shape for all."""

from __future__ import annotations

from collections.abc import Collection
from math import isnan
from typing import Any

from alerts.models import Alert
from metrics.store import Known, Newest, latest
from servers.models import Server
from servers.services import outdated, watch

Shown = dict[str, Any]
MANY = 200
"""Beyond so many, all open alerts are fewer words than the list of servers."""


def server(row: Server, health: str, newest: Newest | None = None) -> Shown:
    """What a list shows of a server; numbers only while it reports, never a zero for silence."""
    newest = newest or latest.get(row.pk)
    reach, waiting = state_of(row, newest)
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
        "reach": reach,
        "waiting": waiting,
        "health": health,
        "seen": newest.received / 1000 if newest else None,
        "interval": row.interval,
        "demo": row.demo,
        "url": f"/servers/{row.uuid}/",
        **headline(newest),
    }


def state_of(row: Server, newest: Newest | None) -> tuple[str, bool]:
    """The word for its reach, and whether it still waits for its first report since we were away."""
    mark = (newest.received, newest.at) if newest else None
    return watch.state(row.pk, mark, row.interval, paused=row.paused)


def headline(newest: Newest | None) -> Shown:
    """The handful of numbers that a fleet is read by."""
    if newest is None:
        return dict.fromkeys(("cpu", "memory", "disk", "net", "load"))
    cpu, memory, disk, received, sent, load = (_at(newest, some) for some in _places(newest.layout))
    return {
        "cpu": cpu[0] if cpu else None,
        "memory": memory[0] if memory else None,
        "disk": round(max(disk), 2) if disk else None,
        "net": round(sum(received), 2) + round(sum(sent), 2) if received or sent else None,
        "load": load[0] if load else None,
    }


def _at(newest: Newest, places: tuple[int, ...]) -> list[float]:
    """What was measured there; what was not is left out."""
    return [value for place in places if not isnan(value := float(newest.values[place]))]


HEADLINE = (
    "cpu_used_percent", "memory_used_percent", "disk_used_percent", "net_received_bytes_per_second",
    "net_sent_bytes_per_second", "load1",
)  # fmt: skip
Places = tuple[tuple[int, ...], ...]


_known: dict[str, Places] = {}
MOST_KNOWN = 4096


def _places(layout: Known) -> Places:
    """Found once for each layout: a fleet has few of them, and reports all the time."""
    found = _known.get(layout.hash)
    if found is None:
        names = {column: column.partition("{")[0] for column in layout.place}
        found = tuple(
            tuple(place for column, place in layout.place.items() if names[column] == metric) for metric in HEADLINE
        )
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[layout.hash] = found
    return found


def health_of(servers: Collection[int]) -> dict[int, str]:
    """The worst open alert of each server that has one."""
    rows = Alert.objects.open().exclude(state="pending")
    if len(servers) < MANY:
        rows = rows.filter(server__in=servers)
    worst: dict[int, str] = {}
    for pk, severity in rows.values_list("server_id", "severity"):
        if worst.get(pk) != "critical":
            worst[pk] = severity
    return worst


def servers(rows: list[Server]) -> list[Shown]:
    health = health_of([row.pk for row in rows])
    return [server(row, health.get(row.pk, "ok")) for row in rows]
