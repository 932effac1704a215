"""Open incidents as the fleet lists them: what is wrong, where, since when and who has it, and no more of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import OuterRef, Subquery, prefetch_related_objects

from alerts.models import Alert, Incident
from dashboards.alerting import incidents
from dashboards.alerting.incidents import FACE, Shown
from servers.models import Server


def briefly(rows: Sequence[Incident]) -> list[Shown]:
    """Whole ones cost half of the page where two hundred are open; the socket tells them whole as they change."""
    prefetch_related_objects(list(rows), "team", "acknowledged_by", "parent")
    keys = [row.pk for row in rows]
    members = incidents.members_of(rows)
    speaking = _speaking(rows, keys)
    silent = incidents.silent(rows, [key for key, (_, _, metric) in speaking.items() if metric == incidents.SILENCE])
    servers = Server.objects.filter(pk__in={server for server, _, _ in speaking.values()})
    faces: dict[int, Any] = {one.pk: one for one in servers.values_list("pk", *FACE, named=True)}
    found = []
    for row in rows:
        server, since, _ = speaking.get(row.pk, (0, 0, ""))
        count, open_ = members.get(row.pk, (0, 0))
        found.append(
            {
                **incidents.named(row, incidents.parent_of(row)),
                "began": since / 1000 if since and count == 1 else row.opened_at.timestamp(),
                "open": open_,
                "silent": silent.get(row.pk, []),
                "server": incidents.subject_of(faces[server]) if server in faces else None,
            }
        )
    return found


def _speaking(rows: Sequence[Incident], keys: list[int]) -> dict[int, tuple[int, int, str]]:
    """Of the alert that speaks for each: its server, since when, and what was measured."""
    seen = incidents.seen(rows)
    first = seen.filter(incident=OuterRef("pk")).order_by(*incidents.SPEAKS).values("pk")[:1]
    chosen = Incident.objects.filter(pk__in=keys).annotate(speaks=Subquery(first)).values("speaks")
    found = Alert.objects.filter(pk__in=chosen).values_list("incident", "server", "since", "series__metric")
    return {key or 0: (server, since, metric) for key, server, since, metric in found}
