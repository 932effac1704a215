"""What these pages share: who looks, the team they may see, and how a refusal is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.auth import me
from accounts.base import LOOK
from accounts.models import Team
from core.errors import Failure


def show(request: HttpRequest, template: str, name: str, *, status: int = 200, **context: Any) -> HttpResponse:
    return render(request, f"people/{template}.html", {"page": name, **context}, status=status)


def team_of(request: HttpRequest, uuid: UUID, verb: str = LOOK) -> Team:
    """The team, if this person may do that there; else as if it were none."""
    team = Team.objects.visible_to(me(request), verb).filter(uuid=uuid).first()
    if team is None:
        raise Http404
    return team


def owners_only(request: HttpRequest) -> None:
    if not me(request).is_superuser:
        raise Http404


def tried(request: HttpRequest, act: Callable[[], object], done: str) -> bool:
    """Do it and say so, or say in a sentence why not."""
    try:
        act()
    except (Failure, ValueError) as refused:
        messages.error(request, str(refused))
        return False
    messages.success(request, done)
    return True
