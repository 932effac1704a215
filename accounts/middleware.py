"""Pages speak each person's language and tell times in their zone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from accounts.models import User
from core import zones

# Set by a script of the page, which alone knows where its browser is.
ZONE_COOKIE = "zone"
# Django's tables: half of their sentences would be in the reader's language, names of tables and fields would not.
IN_ENGLISH = "/admin/"
# What programs ask: times stay in UTC there, and sentences in English unless a page of ours asks for somebody.
PROGRAMS = ("/api/", "/metrics", "/healthz", "/readyz", "/prometheus/")


class Personal:
    """Activates language and zone: of the profile, else of the browser, else English and UTC."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        program = request.path.startswith(PROGRAMS)
        if program and not _from_a_page(request):
            return self._in(request, settings.LANGUAGE_CODE, zones.UTC)
        person = request.user if isinstance(request.user, User) else None
        language = settings.LANGUAGE_CODE if request.path.startswith(IN_ENGLISH) else language_of(request, person)
        response = self._in(request, language, zones.UTC if program else zone_of(request, person))
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ["Accept-Language", "Cookie"])
        return response

    def _in(self, request: HttpRequest, language: str, zone: ZoneInfo) -> HttpResponse:
        with ExitStack() as stack:
            stack.enter_context(translation.override(language))
            stack.enter_context(timezone.override(zone))
            return self.get_response(request)


def _from_a_page(request: HttpRequest) -> bool:
    return settings.SESSION_COOKIE_NAME in request.COOKIES and "Authorization" not in request.headers


def language_of(request: HttpRequest, person: User | None) -> str:
    if person and person.language in dict(settings.LANGUAGES):
        return person.language
    return translation.get_language_from_request(request)


def zone_of(request: HttpRequest, person: User | None) -> ZoneInfo:
    chosen = zones.find(person.zone) if person else None
    return chosen or zones.find(unquote(request.COOKIES.get(ZONE_COOKIE, ""))[:64]) or zones.UTC
