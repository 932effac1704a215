"""The page that adds a server, and what it asks while it waits."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.auth import me
from accounts.base import MANAGE
from accounts.models import Team
from dashboards.joining.services import progress
from servers.install.services import MACOS, WINDOWS, ca_fingerprint, lines
from servers.models import Enrolment
from servers.services import make_enrolment

HOURS = 1
SYSTEMS = (("linux", "Linux"), ("mac", "macOS"), ("windows", "Windows"), ("docker", "Docker"))


@login_required
@require_http_methods(["GET", "POST"])
def add_server(request: HttpRequest) -> HttpResponse:
    """A line to paste; its token is made by a button, so that looking at the page makes none."""
    by = me(request)
    teams = list(Team.objects.visible_to(by, MANAGE).order_by("pk"))
    chosen = request.POST.get("team") or ""
    team = next((one for one in teams if str(one.uuid) == chosen), teams[0] if teams else None)
    # Where the line will lead, which need not be how this page was opened.
    address = urlsplit(settings.SITE_URL).netloc
    context: dict[str, Any] = {"page": "add", "teams": teams, "team": team, "hours": HOURS, "address": address}
    if request.method == "POST" and team:
        token = make_enrolment(team, f"Added by {by}"[:120], hours=HOURS, by=by)
        invitation = Enrolment.objects.visible_to(by, MANAGE).filter(key=token[4:].partition(".")[0]).get()
        context |= {"invitation": invitation, "systems": _systems(token)}
    return render(request, "dashboards/add_server.html", context)


def _systems(token: str) -> list[dict[str, Any]]:
    """The lines under the system they are for; the first of each is the usual one."""
    made = lines(settings.SITE_URL, token, ca_fingerprint())
    alone = {MACOS: "mac", WINDOWS: "windows"}
    of = {
        name: [line for line in made if alone.get(line["label"], "linux") == ("linux" if name == "docker" else name)]
        for name, _label in SYSTEMS
    }
    hints = {
        "linux": _("As any user; with sudo it also sees what belongs to others, and starts with the machine."),
        "mac": _("In a terminal. It starts again with the machine."),
        "windows": _("In a PowerShell that was opened as administrator."),
        "docker": _("On the machine that runs Docker, not in a container: its containers are seen from there."),
    }
    return [
        {"name": name, "label": label, "hint": hints[name], "first": of[name][0], "others": of[name][1:]}
        for name, label in SYSTEMS
    ]


@login_required
@require_GET
def waiting(request: HttpRequest, uuid: str) -> HttpResponse:
    """How far the machine has come that this invitation is for."""
    user = me(request)
    invitation = Enrolment.objects.visible_to(user, MANAGE).select_related("team").filter(uuid=uuid).first()
    if invitation is None:
        raise Http404
    return JsonResponse(progress(invitation, user))
