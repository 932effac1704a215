"""Error answers: pages for people, JSON for programs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from accounts.base import MANAGE, holding
from accounts.models import Membership, User
from core.clock import now
from core.jsonlog import request_id

MOST = 3

SENTENCES = {
    400: ("bad_request", "The request cannot be read."),
    403: ("forbidden", "You may not see this. Ask an admin of the team."),
    404: ("not_found", "There is nothing at this address that you may see."),
    500: ("internal", "The server failed to answer. Its log says why."),
}


def _answer(request: HttpRequest, status: int) -> HttpResponse:
    if request.path.startswith("/api/"):
        code, detail = SENTENCES[status]
        return JsonResponse({"error": code, "detail": detail}, status=status)
    more: dict[str, Any] = {"at": now(), "request_id": request_id.get("")}
    if status == 403:
        more["granters"] = granters(request)
    return render(request, f"{status}.html", more, status=status)


def granters(request: HttpRequest) -> list[User]:
    """Who can give this person more rights: the admins of their teams, else the owners of the site."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return []
    mine = Membership.objects.visible_to(user).filter(role__in=holding(MANAGE)).exclude(user=user)
    admins = User.objects.filter(pk__in=mine.values("user"), is_active=True)
    return list((admins if admins.exists() else User.objects.filter(is_superuser=True, is_active=True))[:MOST])


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 404)


def failed(request: HttpRequest) -> HttpResponse:
    return _answer(request, 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403_csrf.html", status=403)
