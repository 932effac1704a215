"""The pages behind the links of messages: looking at one changes nothing, its button acknowledges."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.views.decorators.http import require_GET, require_http_methods

from alerts import messages, services
from alerts.models import Incident
from alerts.services import answering_links
from core.clock import now


@require_http_methods(["GET", "HEAD", "POST"])
def acknowledge(request: HttpRequest, token: str) -> HttpResponse:
    """Works without being signed in. A mail scanner that opens every link presses no button."""
    found = answering_links.read(token)
    if found is None:
        return render(request, "alerts/acknowledge.html", {"dead": True}, status=410)
    incident, user = found
    with translation.override(user.language or translation.get_language()):
        context: dict[str, Any] = {"incident": incident, "person": user, "title": messages.title(incident)}
        if request.method == "POST":
            services.acknowledge(incident, now(), by=user, over="mail")
            incident.refresh_from_db()
        context["mine"] = incident.acknowledged_by_id == user.pk
        return render(request, "alerts/acknowledge.html", context)


@login_required
@require_GET
def short(request: HttpRequest, number: int) -> HttpResponse:
    """The short address of an incident, for text messages: a whole one would take half of their letters."""
    found = Incident.objects.visible_to(request.user).filter(pk=number).first()
    if found is None:
        raise Http404
    return redirect("incident", uuid=found.uuid)
