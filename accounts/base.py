"""What every team-owned table shares: its questions start at what a person may see.

There are two sorts of rows. Those of a team as a whole, such as rules and channels: whoever is narrowed to some of
its servers may look at them, and no more. And those of servers: whoever is narrowed meets only those of theirs.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from accounts import narrow
from accounts.roles import ACT, LOOK, MANAGE, REPORT, holding

if TYPE_CHECKING:
    from accounts.models import User

__all__ = ["ACT", "LOOK", "MANAGE", "REPORT", "M_co", "ServerOwned", "TeamOwned", "holding", "narrow"]

M_co = TypeVar("M_co", bound=models.Model, covariant=True)


class TeamOwned(models.QuerySet[M_co]):
    """Questions about rows that belong to one team; `team_path` leads there."""

    team_path: ClassVar[str] = "team"

    def visible_to(self, user: User | AnonymousUser, verb: str = LOOK) -> Self:
        """The rows of teams in which this person may do that; a site owner sees all."""
        if isinstance(user, AnonymousUser) or not user.is_active or (user.within and verb != LOOK):
            return self.none()
        if user.is_superuser:
            return self.all()
        mine = self._member(user, verb)
        return self.filter(mine if verb == LOOK else mine & self._with("")).distinct()

    def _member(self, user: User, verb: str) -> Q:
        path = f"{self.team_path}__memberships"
        return Q(**{f"{path}__user": user, f"{path}__role__in": holding(verb)})

    def _with(self, selector: str) -> Q:
        return Q(**{f"{self.team_path}__memberships__selector": selector})


class ServerOwned(TeamOwned[M_co]):
    """Questions about rows that belong to a server; `server_path` leads there."""

    server_path: ClassVar[str] = "server"

    def visible_to(self, user: User | AnonymousUser, verb: str = LOOK) -> Self:
        """The rows of servers with which this person, or the token that acts as them, may do that."""
        if isinstance(user, AnonymousUser) or not user.is_active:
            return self.none()
        found = self.all() if user.is_superuser else self._of_roles(user, verb)
        return found.filter(self.on(narrow.meant(None, user.within))) if user.within else found

    def _of_roles(self, user: User, verb: str) -> Self:
        reached = self._with("")
        for role in narrow.roles_of(user):
            if role.may(verb):
                # The selector stands in the question too: the moment it is another one, this finds nothing.
                this = Q(**{f"{self.team_path}__memberships__team": role.team})
                reached |= self._with(role.selector) & this & self.on(role.servers())
        return self.filter(self._member(user, verb) & reached).distinct()

    def on(self, servers: Collection[int]) -> Q:
        """What is on these servers, by their numbers."""
        return Q(**{f"{self.server_path}__in": servers})
