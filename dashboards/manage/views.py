"""A server's settings, its keys and its end, and the invitations of a team: for those who manage it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.auth import me
from accounts.base import MANAGE
from core.clock import now
from dashboards.manage.forms import ServerForm
from servers import services
from servers.models import AgentKey, Enrolment, Event, Server

SHOWN = 10


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, uuid: str) -> HttpResponse:
    """What a server is for, and whether it is paused."""
    server = _managed(request, uuid)
    form = ServerForm(request.POST or None, instance=server)
    if request.method == "POST" and form.is_valid():
        services.change(server, form.cleaned_data, by=me(request))
        messages.success(request, _("Saved."))
        return redirect("edit-server", uuid=server.uuid)
    keys = AgentKey.objects.visible_to(request.user, MANAGE).filter(server=server, revoked_at=None)
    events = Event.objects.visible_to(request.user).filter(server=server).order_by("-at", "-pk")
    context = {
        "page": "fleet", "server": server, "form": form, "keys": keys.order_by("-created_at"),
        "events": events[:SHOWN], "outdated": services.outdated(server.agent), "own": services.own_version(),
    }  # fmt: skip
    return render(request, "dashboards/edit_server.html", context)


@login_required
@require_POST
def act(request: HttpRequest, uuid: str) -> HttpResponse:
    """One of the buttons beside the form."""
    server, by = _managed(request, uuid), me(request)
    wanted = request.POST.get("do", "")
    if wanted == "remove":
        services.remove([server], by=by)
        messages.success(request, _("%(name)s is no longer watched.") % {"name": server.name})
        return redirect("fleet")
    if wanted == "rotate":
        services.rotate(server, by=by)
        messages.success(request, _("Its agent takes a new key with its next report."))
    elif wanted == "accept":
        if services.accept(server, by=by, offered=request.POST.get("offered", "")):
            messages.success(request, _("Accepted. Run the line from Add server on the new machine again."))
        else:
            messages.warning(request, _("Nothing was accepted: another machine asked meanwhile. Look again."))
    elif wanted == "revoke":
        mine = AgentKey.objects.visible_to(request.user, MANAGE).filter(
            server=server, key=request.POST.get("key", "")
        )
        for key in mine.select_related("server"):
            services.revoke(key, by=by)
        messages.success(request, _("The key is revoked."))
    return redirect("edit-server", uuid=server.uuid)


@login_required
@require_http_methods(["GET", "POST"])
def enrolments(request: HttpRequest) -> HttpResponse:
    """Invitations that still work; a button ends each."""
    mine = Enrolment.objects.visible_to(request.user, MANAGE).select_related("team")
    if request.method == "POST":
        for invitation in mine.filter(key=request.POST.get("key", "")):
            services.withdraw(invitation, by=me(request))
        return redirect("enrolments")
    working = mine.filter(revoked_at=None, expires_at__gt=now()).order_by("-pk")
    context = {"page": "add", "enrolments": [one for one in working if one.reusable or not one.used_at]}
    return render(request, "dashboards/enrolments.html", context)


def _managed(request: HttpRequest, uuid: str) -> Server:
    server = Server.objects.visible_to(request.user, MANAGE).select_related("team").filter(uuid=uuid).first()
    if server is None:
        raise Http404
    return server
