"""The pages. Each gives its island the first data; the same address answers it as JSON after a gap."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from accounts.models import Team
from alerts.models import Incident
from dashboards import present, topics
from dashboards.alerting import incidents as shown_as
from servers.models import Server

OPEN_SHOWN = 200


def show(request: HttpRequest, template: str, page: str, props: dict[str, Any], **more: Any) -> HttpResponse:
    """The page, or only its data when a script asks for it."""
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse(props)
    if "open_incidents" not in more:
        more["open_incidents"] = causes(request)
    return render(request, template, {"page": page, "island_props": props, **more})


def causes(request: HttpRequest) -> int:
    """Open incidents that no other open one explains: as the inbox counts them."""
    open_ = Incident.objects.visible_to(request.user).open()
    return open_.exclude(parent__in=open_.order_by().values("pk")).count()


def sequences(request: HttpRequest, *names: str) -> dict[str, int]:
    """Where a page begins to listen, before its data is read: what is said until its tab listens shows as a gap."""
    found = {name: topic for name in names if (topic := topics.find(name, request.user))}
    for topic in found.values():
        topic.keep()
    return {name: topic.sequence() for name, topic in found.items()}


def incidents(request: HttpRequest, *, resolved: int = 0, of: Server | None = None) -> list[present.Shown]:
    """Open ones first, then the newest that are over; all, or of one server."""
    mine = Incident.objects.visible_to(request.user)
    if of:
        mine = mine.filter(alerts__server=of).distinct()
    shown = opened(mine)
    if resolved:
        shown += mine.exclude(resolved_at=None).order_by("-resolved_at")[:resolved]
    return shown_as.incidents(shown, of)


def opened(mine: QuerySet[Incident]) -> list[Incident]:
    """The newest of those that are open."""
    return list(mine.filter(resolved_at=None).order_by("-opened_at")[:OPEN_SHOWN])


def may(request: HttpRequest, verb: str) -> list[str]:
    """The teams in which this person may do that: a page hides what would be refused."""
    return list(Team.objects.visible_to(request.user, verb).order_by("pk").values_list("name", flat=True))
