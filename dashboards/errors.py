"""Error answers: pages for people, JSON for programs."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

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
    return render(request, f"{status}.html", status=status)


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
