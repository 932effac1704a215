"""The page of one server: its first data, and the same as JSON after a gap."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.base import ACT, MANAGE
from checks.models import Check
from core.clock import now
from dashboards import present
from dashboards.capacity.notes import days_left, notes
from dashboards.server.story import story
from dashboards.views import incidents, sequences, show
from servers.models import FactSheet, Server

RESOLVED_SHOWN = 10
OTHERS = 500  # with which it can be compared


def _check(request: HttpRequest, uuid: str) -> HttpResponse:
    """What stands for a check is no machine: alerts and messages that name it lead to the check's page."""
    found = Check.objects.visible_to(request.user).filter(server__uuid=uuid, server__internal=True).first()
    if found is None:
        raise Http404
    return redirect("check", uuid=found.uuid)


@login_required
@require_GET
def server(request: HttpRequest, uuid: str) -> HttpResponse:
    row = Server.objects.visible_to(request.user).select_related("team").filter(uuid=uuid).first()
    if row is None:
        return _check(request, uuid)
    # Numbers first: what happens while the rest is read comes again live, and is never missed.
    seq = sequences(request, f"server.{uuid}", "incidents")
    sheet = FactSheet.objects.visible_to(request.user).filter(server=row).first()
    others = Server.objects.visible_to(request.user).exclude(pk=row.pk).order_by("name")
    at = now()
    shown = present.servers([row])[0]
    props = {
        "now": at.timestamp(),
        "seq": seq,
        "server": shown,
        **_remarks(shown),
        "outlook": notes(row),
        "facts": {section: pairs for section, pairs in sheet.document.items() if pairs} if sheet else {},
        "incidents": incidents(request, resolved=RESOLVED_SHOWN, of=row),
        "may_manage": Server.objects.visible_to(request.user, MANAGE).filter(pk=row.pk).exists(),
        "may_act": request.user.may(ACT, row.team),  # type: ignore[union-attr]
        "full": days_left(row),
        "story": story(request.user, row, at),
        "others": [{"id": str(uuid), "name": name} for uuid, name in others.values_list("uuid", "name")[:OTHERS]],
    }
    return show(request, "dashboards/server.html", "server", props)


def _remarks(shown: present.Shown) -> dict[str, str]:
    """What to know before its state and its numbers are believed."""
    agent = shown["agent"]
    away = _("The hub was away. Until this server reports again its state is the one from before.")
    old = _("Its agent is version %(version)s, older than the one this hub hands out.")
    return {
        "away": away if shown["waiting"] else "",
        "old": old % {"version": agent["version"]} if agent["outdated"] else "",
    }
