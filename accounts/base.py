"""What every team-owned table shares: its questions start at what a person may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db import models

from accounts.roles import ACT, LOOK, MANAGE, REPORT, holding

if TYPE_CHECKING:
    from accounts.models import User

__all__ = ["ACT", "LOOK", "MANAGE", "REPORT", "M_co", "TeamOwned", "holding"]

M_co = TypeVar("M_co", bound=models.Model, covariant=True)


class TeamOwned(models.QuerySet[M_co]):
    """Questions about rows that belong to one team; `team_path` leads there."""

    team_path: ClassVar[str] = "team"

    def visible_to(self, user: User | AnonymousUser, verb: str = LOOK) -> Self:
        """The rows of teams in which this person may do that; a site owner sees all."""
        if isinstance(user, AnonymousUser) or not user.is_active:
            return self.none()
        if user.is_superuser:
            return self.all()
        path = f"{self.team_path}__memberships"
        return self.filter(**{f"{path}__user": user, f"{path}__role__in": holding(verb)}).distinct()
