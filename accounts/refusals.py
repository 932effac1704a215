"""Writes that were refused, in the trail: each once in a while, so that nobody fills it by asking."""

from __future__ import annotations

import re
import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accounts.models import User
from accounts.trail import audit

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}
REFUSED = {403, 404}
WINDOW = 600.0
MOST = 20
"""Of one person within the window."""
_HOLE = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True)
class _Asked:
    """The address that was asked, without what may be a secret in it."""

    name: str
    uuid: str = ""

    def __str__(self) -> str:
        return self.name


class _Recent:
    """What was written down lately, by person."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.seen: dict[int, dict[str, float]] = {}

    def worth(self, user: int, what: str) -> bool:
        at = time.monotonic()
        with self.lock:
            if len(self.seen) > 10_000:
                self.seen.clear()
            mine = {key: when for key, when in self.seen.get(user, {}).items() if at - when < WINDOW}
            self.seen[user] = mine
            if what in mine or len(mine) >= MOST:
                return False
            mine[what] = at
            return True


recent = _Recent()


def note(request: HttpRequest, response: HttpResponse) -> None:
    """Write down that somebody who is known wanted to change what is not theirs to change."""
    if request.method in SAFE or response.status_code not in REFUSED:
        return
    user, match = getattr(request, "user", None), request.resolver_match
    if not isinstance(user, User) or match is None:
        return
    asked = _asked(match.route, match.kwargs)
    if recent.worth(user.pk, f"{request.method} {asked}"):
        audit(user, "request.refuse", asked, after={"method": request.method, "status": response.status_code})


def _asked(route: str, given: dict[str, object]) -> _Asked:
    plain = {name: str(value) for name, value in given.items() if isinstance(value, uuid.UUID | int)}
    ids = [value for name, value in plain.items() if isinstance(given[name], uuid.UUID)]
    path = _HOLE.sub(lambda hole: plain.get(hole[1], "…"), route)
    return _Asked(f"/{path.lstrip('^').rstrip('$')}"[:200], ids[0] if ids else "")
