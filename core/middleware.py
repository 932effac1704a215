"""What holds for every page: its headers, and that no word of a question has a NUL."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, JsonResponse

from core.errors import Failure

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)


def policy() -> str:
    """The provider that signs people in takes the form that begins it; browsers follow the redirect only then."""
    return f"{POLICY} {settings.OIDC_ORIGIN}".rstrip()


class SecurityHeaders:
    """A strict content policy: our own files alone, nothing inline, nobody frames us."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy())
        response.headers.setdefault("X-Frame-Options", "DENY")
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class NoNul:
    """A NUL in an address is refused before anybody looks for it: PostgreSQL takes none in a text."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "%00" in request.META.get("QUERY_STRING", "") or "\0" in request.path_info:
            detail = "The address has a NUL (%00), which no name or number has. Leave it out."
            if request.path_info.startswith("/api/"):
                return JsonResponse(Failure(detail).body(), status=400)
            raise BadRequest(detail)
        return self.get_response(request)
