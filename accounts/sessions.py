"""Where somebody is signed in: seen in passing, listed, ended; an ended one is over at once, its live socket too."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from accounts.models import User, UserSession
from core import guard, live
from core.clock import now

NOTED_EVERY = 300.0
MOST_KNOWN = 10_000
KEPT = timedelta(days=30)
_PROGRAMS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


class Noted:
    """Notes who passes and that the connection is theirs: one write in five minutes, no question more for a page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        user = _known(request)
        if user is not None:
            guard.trust(request.META)
            key = request.session.session_key
            if key and _due(key):
                _note(request, user, key)
        return response


def _known(request: HttpRequest) -> User | None:
    """Who it is, where the view asked or signed them in: looking here would cost every page its two questions."""
    signed_in, asked = request.__dict__.get("user"), getattr(request, "_cached_user", None)
    return next((user for user in (signed_in, asked) if type(user) is User), None)


_seen: dict[str, float] = {}
_lock = threading.Lock()


def _due(key: str) -> bool:
    at = time.monotonic()
    with _lock:
        if at - _seen.get(key, -NOTED_EVERY) < NOTED_EVERY:
            return False
        if len(_seen) >= MOST_KNOWN:
            _seen.clear()
        _seen[key] = at
        return True


def _note(request: HttpRequest, user: User, key: str) -> None:
    seen = {
        "user": user,
        "address": request.META.get("REMOTE_ADDR") or None,
        "browser": browser(request.META.get("HTTP_USER_AGENT", "")),
        "seen_at": now(),
    }
    UserSession.objects.update_or_create(key=key, defaults=seen)


def browser(agent: str) -> str:
    """Such as "Firefox on Linux": what a person recognises, not what browsers claim to be."""
    program = next((name for mark, name in _PROGRAMS if f"{mark}/" in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if program and system:
        return f"{program} on {system}"
    return program or system or re.sub(r"[^ -~]", "", agent)[:60] or _("Unknown browser")


def of(user: User) -> list[UserSession]:
    """Where this person is signed in, newest first; what ended meanwhile is swept."""
    alive: list[UserSession] = []
    dead: list[UserSession] = []
    for session in UserSession.objects.visible_to(user).order_by("-seen_at"):
        (alive if _lives(session, user) else dead).append(session)
    UserSession.objects.filter(pk__in=[session.pk for session in dead]).delete()
    return alive


def _lives(session: UserSession, user: User) -> bool:
    data = SessionStore(session.key).load()
    return data.get("_auth_user_id") == str(user.pk) and data.get("_auth_user_hash") == user.get_session_auth_hash()


def end(session: UserSession) -> None:
    """That browser is signed out with its next request; its live socket ends now."""
    SessionStore().delete(session.key)
    UserSession.objects.filter(pk=session.pk).delete()
    transaction.on_commit(partial(live.recheck, session.user_id))


def end_others(user: User, keep: str | None) -> int:
    """Everywhere but here."""
    others = [session for session in of(user) if session.key != keep]
    for session in others:
        end(session)
    return len(others)


def end_all(user: User) -> int:
    """Everywhere: for somebody who lost a device or whose account was taken."""
    return end_others(user, None)


def forget(at: timedelta = KEPT) -> int:
    """Rows of browsers that never came back, and of Django's own table what has run out."""
    SessionStore.clear_expired()
    return UserSession.objects.filter(seen_at__lt=now() - at).delete()[0]
