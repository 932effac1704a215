"""Who must have a second factor, and what they see until they set one up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Team, User

ASKED_EVERY = 2.0
# In the session: the second factor was shown when it began, or the provider said that one was.
SHOWN = "second_factor_shown"
OPEN = (
    "/accounts/", "/static/", "/invitation/", "/healthz", "/readyz", "/worker.js", "/push-worker.js", "/offline/",
    "/manifest.webmanifest",
)  # fmt: skip


class _Asking:
    """The teams that ask for it, read anew every other second: nobody asks for it in most places."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.read_at = float("-inf")
        self.known: frozenset[int] = frozenset()

    def teams(self) -> frozenset[int]:
        if time.monotonic() - self.read_at > ASKED_EVERY:
            with self.lock:
                self.known = frozenset(Team.objects.filter(require_second_factor=True).values_list("pk", flat=True))
                self.read_at = time.monotonic()
        return self.known

    def forget(self) -> None:
        self.read_at = float("-inf")


asking = _Asking()


def required(user: User) -> bool:
    """A site owner sees every team, so one team that asks is enough."""
    if settings.SECOND_FACTOR == "all" or (settings.SECOND_FACTOR == "owners" and user.is_superuser):
        return True
    teams = asking.teams()
    if not teams:
        return False
    return user.is_superuser or user.memberships.filter(team__in=teams).exists()


def has(user: User) -> bool:
    return bool(Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists())


def lacking(user: User, session: Any) -> bool:
    """Whether this session may show nothing yet; one that showed its second factor costs no question."""
    if session.get(SHOWN) or (settings.SECOND_FACTOR == "optional" and not asking.teams()):
        return False
    return required(user) and not has(user)


def why(user: User) -> str:
    """Who asks for it, in words."""
    name = Team.objects.filter(pk__in=asking.teams(), memberships__user=user).values_list("name", flat=True).first()
    if name:
        return _("The team %(team)s asks for a second factor. Set it up to go on.") % {"team": name}
    return _("A second factor is asked for here. Set it up to go on.")


class Required:
    """Until it is set up there is nothing but the pages on which it is: not the API, not the admin."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(OPEN) or settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return self.get_response(request)
        if settings.SECOND_FACTOR == "optional" and not asking.teams():
            return self.get_response(request)
        user = request.user
        if not isinstance(user, User) or not lacking(user, request.session):
            return self.get_response(request)
        if request.path.startswith("/api/"):
            detail = why(user)
            return JsonResponse({"error": "second_factor_required", "detail": detail}, status=403)
        messages.warning(request, why(user))
        return HttpResponseRedirect(reverse("mfa_activate_totp"))


def remove(user: User) -> int:
    """For somebody who lost the device and the recovery codes."""
    return int(Authenticator.objects.filter(user=user).delete()[0])
