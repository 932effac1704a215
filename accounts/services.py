"""Make the first team and admin, and the tokens that scripts use."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from accounts.models import ApiToken, Membership, Team, User
from accounts.trail import audit, came_over, over
from core import tokens

__all__ = [
    "RESOURCES",
    "FirstAdmin",
    "WrongScopes",
    "audit",
    "begin_team",
    "came_over",
    "ensure_site",
    "make_token",
    "on_new_team",
    "over",
]

MAIN_TEAM = "Main"
RESOURCES = (
    "servers", "series", "live", "rules", "channels", "incidents", "notices", "metrics", "chains", "schedules",
    "people", "silences", "limits",
)  # fmt: skip


@dataclass(frozen=True)
class FirstAdmin:
    """Shown once at the end of the first start, never kept or logged."""

    email: str
    password: str | None


@transaction.atomic
def ensure_site(email: str, password: str | None) -> FirstAdmin | None:
    """Make the team Main and its admin when there is nobody yet; else change nothing."""
    team, _ = Team.objects.get_or_create(name=MAIN_TEAM)
    if User.objects.filter(is_superuser=True).exists():
        return None
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


class WrongScopes(ValueError):
    """A scope that no address asks for would make a token that opens nothing."""


def make_token(user: User, name: str, scopes: list[str]) -> str:
    """A token that acts as this user; its clear text is seen here and never again."""
    known = {"all", *(f"{resource}:{verb}" for resource in RESOURCES for verb in ("read", "write"))}
    wrong = sorted(set(scopes) - known)
    if wrong or not scopes:
        raise WrongScopes(
            f"{', '.join(wrong) or 'No scope'} is not known. Write all, or some of "
            f"{', '.join(f'{resource}:read, {resource}:write' for resource in RESOURCES)}."
        )
    token = tokens.make("wkt")
    ApiToken.objects.create(user=user, name=name, key=token.key, digest=token.digest, scopes=scopes)
    return token.clear
