"""Servers and incidents as a plain list: the way through the product where no script runs."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.auth import me
from dashboards import present
from dashboards.alerting import incidents as shown_as
from dashboards.finding import services

PAGE = 100
OPEN_SHOWN = 50


@login_required
@require_GET
def plain_list(request: HttpRequest) -> HttpResponse:
    user = me(request)
    text = request.GET.get("q", "")[: services.LONGEST]
    words = text.split()[: services.WORDS]
    rows = services.servers(user, words).select_related("team")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    open_ = services.incidents(user, words)
    context = {
        "page": "list", "q": text, "rows": page, "servers": present.servers(list(page.object_list)),
        "incidents": shown_as.incidents(list(open_[:OPEN_SHOWN])), "rules": services.rules(user, words)[:OPEN_SHOWN],
        "checks": services.checks(user, words)[:OPEN_SHOWN],
    }  # fmt: skip
    return render(request, "dashboards/list.html", context)
