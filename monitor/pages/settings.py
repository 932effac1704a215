"""What is kept and what it takes, whether mail goes out, and where everything else is set."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.auth import me
from accounts.base import MANAGE
from accounts.models import Team, User
from core.clock import now
from core.errors import Failure
from monitor import health
from monitor.pages import mail, ourselves
from servers.models import Server

# What each tier is, and the variable that says how long it is kept.
TIERS = {0: "WATCHKEEPER_KEEP_RAW_DAYS", 300: "WATCHKEEPER_KEEP_5MIN_DAYS", 3600: "WATCHKEEPER_KEEP_HOURLY_DAYS"}


def _manager(request: HttpRequest) -> User:
    user = me(request)
    if not Team.objects.visible_to(user, MANAGE).exists():
        raise PermissionDenied
    return user


@login_required
@require_http_methods(["GET", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    user = _manager(request)
    if request.method == "POST":
        try:
            mail.test(user)
        except Failure as refused:
            messages.error(request, refused.detail)
        else:
            messages.success(request, _("Sent to %(email)s.") % {"email": user.email})
        return redirect("settings")
    found = ourselves.parts()
    context = {
        "page": "settings", "tiers": _tiers(), "mail": mail.way(), "worked": mail.works(), "owner": user.is_superuser,
        "from_address": settings.DEFAULT_FROM_EMAIL, "bad": [part for part in found if part.tone != "ok"],
        "parts": len(found), "cap": settings.DISK_CAP, "servers": Server.objects.visible_to(user).count(),
        "teams": Team.objects.visible_to(user, MANAGE).order_by("name"),
    }  # fmt: skip
    return render(request, "settings/index.html", context)


def _tiers() -> list[dict[str, Any]]:
    names = {0: _("Every sample"), 300: _("Five-minute means"), 3600: _("Hourly means")}
    return [
        {
            "name": names[one.tier], "variable": TIERS[one.tier], "days": one.days, "bytes": one.bytes,
            "oldest": None if one.oldest is None else one.oldest / 1000,
        }
        for one in health.holding.read()
    ]  # fmt: skip


@login_required
@require_safe
def own_health(request: HttpRequest) -> HttpResponse:
    user = _manager(request)
    found = ourselves.parts()
    context: dict[str, Any] = {
        "page": "settings", "parts": found, "bad": [part for part in found if part.tone != "ok"],
        "crit": any(part.tone == "crit" for part in found), "at": now(), "owner": user.is_superuser,
    }  # fmt: skip
    if user.is_superuser:
        context |= {
            "leases": ourselves.leases(), "copies": ourselves.copies(), "versions": ourselves.versions(),
            "folder": settings.DATA, "heartbeat": settings.ENV.heartbeat_url,
        }  # fmt: skip
    return render(request, "settings/health.html", context)
