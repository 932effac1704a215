"""Whatever is taken away as a file stands in the trail: who took which, and by which questions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accounts.models import User
from accounts.trail import audit

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

_NAME = re.compile(r'filename="?([^";]+)')
MOST_ASKED = 20


@dataclass(frozen=True)
class _File:
    name: str

    def __str__(self) -> str:
        return self.name


def note(request: HttpRequest, response: HttpResponseBase) -> None:
    """Every answer that a browser saves, whichever page or address of the API gives it."""
    disposition = response.headers.get("Content-Disposition", "")
    if not disposition.startswith("attachment") or response.status_code != 200:
        return
    user = getattr(request, "user", None)
    if isinstance(user, User):
        found = _NAME.search(disposition)
        asked = {name: values[-1][:200] for name, values in list(request.GET.lists())[:MOST_ASKED]}
        audit(user, "file.take", _File(found[1] if found else request.path), after=asked)
