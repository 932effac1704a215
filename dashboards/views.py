"""The pages. Each gives its island the first data; the same address answers it as JSON after a gap."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.base import ACT, MANAGE
from accounts.models import Team
from alerts.models import Incident
from core import guard
from core.clock import now
from dashboards import present, topics
from dashboards.alerting import incidents as shown_as
from servers.models import Server

OPEN_SHOWN = 200


def show(request: HttpRequest, template: str, page: str, props: dict[str, Any], **more: Any) -> HttpResponse:
    """The page, or only its data when a script asks for it."""
    guard.trust(request.META)
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse(props)
    open_ = Incident.objects.visible_to(request.user).open().count()
    return render(request, template, {"page": page, "island_props": props, "open_incidents": open_, **more})


def sequences(request: HttpRequest, *names: str) -> dict[str, int]:
    found = {name: topics.find(name, request.user) for name in names}
    return {name: topic.sequence() for name, topic in found.items() if topic}


def incidents(request: HttpRequest, *, resolved: int = 0, of: Server | None = None) -> list[present.Shown]:
    """Open ones first, then the newest that are over; all, or of one server."""
    mine = Incident.objects.visible_to(request.user)
    if of:
        mine = mine.filter(alerts__server=of).distinct()
    shown = list(mine.open().order_by("-opened_at")[:OPEN_SHOWN])
    if resolved:
        shown += mine.exclude(resolved_at=None).order_by("-resolved_at")[:resolved]
    return shown_as.incidents(shown)


def may(request: HttpRequest, verb: str) -> list[str]:
    """The teams in which this person may do that: a page hides what would be refused."""
    return list(Team.objects.visible_to(request.user, verb).order_by("pk").values_list("name", flat=True))


@login_required
@require_GET
def fleet(request: HttpRequest) -> HttpResponse:
    # Numbers first: what happens while the rest is read comes again live, and is never missed.
    seq = sequences(request, "fleet", "incidents")
    servers = present.servers(list(Server.objects.visible_to(request.user).select_related("team").order_by("name")))
    props = {"now": now().timestamp(), "seq": seq, "servers": servers, "incidents": incidents(request)}
    props["acts"] = may(request, ACT)
    demo = sum(one["demo"] for one in servers)
    may_remove = demo > 0 and Server.objects.visible_to(request.user, MANAGE).filter(demo=True).exists()
    return show(request, "dashboards/fleet.html", "fleet", props, demo=demo, may_remove_demo=may_remove)
