"""What people keep of the pages: saved views of the fleet."""

from __future__ import annotations

import uuid
from typing import ClassVar, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from accounts.base import LOOK, TeamOwned
from accounts.models import Team, User
from core.managers import managed


class ViewQuerySet(TeamOwned["View"]):
    def visible_to(self, user: User | AnonymousUser, verb: str = LOOK) -> Self:
        """One's own, and those of the teams in which this person may do that; never a colleague's own."""
        if isinstance(user, AnonymousUser) or not user.is_active:
            return self.none()
        of_teams = Q(team__in=Team.objects.visible_to(user, verb))
        return self.filter(of_teams | Q(team=None, owner=user.pk))


class View(models.Model):
    """A filter, an order and columns under a name: one person's, or a team's."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(
        Team, models.CASCADE, null=True, blank=True, related_name="+", help_text="Empty: its owner's."
    )
    owner = models.ForeignKey(User, models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=2000, blank=True, help_text="What stands behind the ? of the page's address.")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    objects: ClassVar[ViewQuerySet] = managed(ViewQuerySet)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "name"], name="one_view_of_a_team_of_a_name"),
            models.UniqueConstraint(fields=["owner", "name"], condition=Q(team=None), name="one_own_view_of_a_name"),
        ]

    def __str__(self) -> str:
        return self.name
