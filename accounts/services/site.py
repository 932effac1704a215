"""What the first start makes: the team Main and its admin, and what every team begins with."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from accounts.models import Membership, Team, User

MAIN_TEAM = "Main"


@dataclass(frozen=True)
class FirstAdmin:
    """Shown once at the end of the first start, never kept or logged."""

    email: str
    password: str | None


@transaction.atomic
def ensure_site(email: str, password: str | None) -> FirstAdmin | None:
    """Make the team Main and its admin when there is nobody yet; else change nothing."""
    if User.objects.filter(is_superuser=True).exists():
        return None
    team, _ = Team.objects.get_or_create(name=MAIN_TEAM)
    shown = None if password else "-".join(secrets.token_hex(2) for _ in range(4))
    admin = User.objects.create_superuser(email, password or shown)
    Membership.objects.create(team=team, user=admin, role="admin")
    return FirstAdmin(admin.email, shown)


_beginnings: list[Callable[[Team], None]] = []


def on_new_team(hook: Callable[[Team], None]) -> None:
    """Whoever gives a new team what it begins with; a topic downwards, not an import upwards."""
    if hook not in _beginnings:
        _beginnings.append(hook)


def begin_team(team: Team) -> None:
    """Give a team that was made just now what teams begin with; saying it twice adds nothing."""
    for hook in _beginnings:
        hook(team)
