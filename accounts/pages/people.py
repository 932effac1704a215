"""All accounts, for site owners: who is here, who may no longer, who shares the site, who forgot a password."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts import again, services
from accounts.auth import me
from accounts.models import User
from accounts.pages.base import owners_only, show, tried
from core.pages import page

PER_PAGE = 50


@page
def people(request: HttpRequest) -> HttpResponse:
    owners_only(request)
    return _act(request) if request.method == "POST" else _shown(request)


def _shown(request: HttpRequest, **more: Any) -> HttpResponse:
    asked = request.GET.get("q", "").strip()[:200]
    rows = User.objects.prefetch_related("memberships__team").order_by("email")
    if asked:
        rows = rows.filter(Q(email__icontains=asked) | Q(first_name__icontains=asked) | Q(last_name__icontains=asked))
    number = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return show(request, "people", "people", number=number, asked=asked, **more)


@again.required
def _act(request: HttpRequest) -> HttpResponse:
    user, by = _person(request.POST.get("id", "")), me(request)
    acts = {
        "disable": (
            partial(services.set_active, user, active=False, by=by),
            _("%(who)s is signed out and disabled."),
        ),
        "enable": (partial(services.set_active, user, active=True, by=by), _("%(who)s may sign in again.")),
        "owner": (partial(services.set_owner, user, owner=True, by=by), _("%(who)s is a site owner now.")),
        "no-owner": (partial(services.set_owner, user, owner=False, by=by), _("%(who)s is no site owner any more.")),
    }
    wanted = request.POST.get("do", "")
    if wanted == "reset":
        links: list[str] = []
        made = tried(request, lambda: links.append(services.reset_link(user, by=by)), _("The link is made."))
        return _shown(request, link=links[0], link_of=user) if made else redirect("people")
    if wanted in acts:
        act, done = acts[wanted]
        tried(request, act, done % {"who": user})
    return redirect("people")


def _person(text: str) -> User:
    try:
        found = User.objects.filter(uuid=UUID(text)).first()
    except ValueError:
        found = None
    if found is None:
        raise Http404
    return found
