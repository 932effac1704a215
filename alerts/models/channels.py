"""Ways to tell people, and what a delivery over them needs to know."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from accounts.base import LOOK, TeamOwned
from accounts.models import Team, User
from alerts.models.leaving import keep_channel
from core import sealed
from core.managers import managed

STANDING = Q(removed_at=None)


class ChannelQuerySet(TeamOwned["Channel"]):
    def visible_to(self, user: User | AnonymousUser, verb: str = LOOK) -> Self:
        """Those of one's teams, and one's own; another person's own are nobody's business."""
        teams = super().visible_to(user, verb).filter(owner=None, removed_at=None)
        if isinstance(user, AnonymousUser) or not user.is_active:
            return teams
        return self.standing().filter(Q(pk__in=teams.values("pk")) | Q(owner=user))

    def of_teams(self) -> Self:
        return self.exclude(team=None)

    def standing(self) -> Self:
        """Those not removed; removed ones stay as names in the record of what they told."""
        return self.filter(removed_at=None)


class Channel(models.Model):
    """A way to tell people: of a team, or one person's own. Its credentials are sealed with a key kept elsewhere."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True, related_name="+")
    owner = models.ForeignKey(User, keep_channel, null=True, blank=True, related_name="+")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=40)
    sealed_config = models.TextField(editable=False)
    enabled = models.BooleanField(default=True)
    default = models.BooleanField(default=True, help_text="Told by rules that name no target.")
    language = models.CharField(max_length=10, blank=True, help_text="Empty: the language of the product.")
    fallback = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="+",
        help_text="Told instead after a permanent error, or two minutes of failures.",
    )  # fmt: skip
    storm_cap = models.PositiveIntegerField(
        null=True, blank=True, help_text="Messages in ten minutes before the rest becomes one digest; 0: no cap."
    )
    fault = models.CharField(max_length=500, blank=True, editable=False, help_text="Why nothing goes out over it.")
    resting_until = models.DateTimeField(null=True, blank=True, editable=False, help_text="Its breaker is open.")
    failures = models.PositiveIntegerField(default=0, editable=False, help_text="In a row.")
    test_failed_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="Empty after a good test.")
    test_error = models.CharField(max_length=500, blank=True, editable=False)
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)
    objects: ClassVar[ChannelQuerySet] = managed(ChannelQuerySet)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "name"], condition=STANDING, name="one_channel_of_a_name"),
            models.UniqueConstraint(fields=["owner", "name"], condition=STANDING, name="one_own_channel_of_a_name"),
            models.CheckConstraint(
                condition=Q(team__isnull=False, owner__isnull=True)
                | Q(team__isnull=True, owner__isnull=False)
                | Q(team__isnull=True, owner__isnull=True, removed_at__isnull=False),
                name="a_channel_is_of_a_team_or_of_a_person",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def own(self) -> bool:
        """Of one person, though their account may be gone."""
        return self.team_id is None

    @property
    def config(self) -> dict[str, Any]:
        return sealed.open_(self.sealed_config)

    @config.setter
    def config(self, value: dict[str, Any]) -> None:
        self.sealed_config = sealed.seal(value)
