"""Who is told: each person's ways and quiet hours, a team's chains, and who is on call."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import F, Q

from accounts.base import TeamOwned
from accounts.models import Team, User
from alerts import quiet
from alerts.models.channels import Channel
from alerts.models.rules import SEVERITIES
from core.managers import managed


class OwnQuerySet(models.QuerySet[Any]):
    """What belongs to one person and is nobody else's business, not even a site owner's."""

    def visible_to(self, user: Any) -> Self:
        return self.filter(user=user.pk) if getattr(user, "is_active", False) else self.none()


class Preference(models.Model):
    """The hours in which only the worst may wake a person; their language and zone stand in their profile."""

    user = models.OneToOneField(User, models.CASCADE, related_name="+")
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    quiet_days = models.JSONField(default=list, blank=True, help_text="0 is Monday; empty: every day.")
    critical_breaks_quiet = models.BooleanField(default=True)
    objects: ClassVar[OwnQuerySet] = managed(OwnQuerySet)

    def __str__(self) -> str:
        return f"How {self.user} is told"

    def hours(self) -> quiet.Hours:
        days = frozenset(self.quiet_days)
        return quiet.Hours(self.quiet_from, self.quiet_until, days, self.zone, self.critical_breaks_quiet)

    @property
    def language(self) -> str:
        return self.user.language if self.user_id else ""

    @property
    def zone(self) -> str:
        return self.user.clock.key if self.user_id else "UTC"


class Way(models.Model):
    """One step of how a person is told: over which of their own channels, from which severity, after how long."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="+")
    place = models.PositiveIntegerField(default=0)
    severity = models.CharField(max_length=10, choices=SEVERITIES, default="warn", help_text="From this one on.")
    after = models.PositiveIntegerField(default=0, help_text="Seconds without an acknowledgement.")
    objects: ClassVar[OwnQuerySet] = managed(OwnQuerySet)

    class Meta:
        verbose_name = "way of being told"
        verbose_name_plural = "ways of being told"
        ordering: ClassVar[list[str]] = ["place", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["user", "channel", "severity"], name="one_way_of_a_channel"),
        ]

    def __str__(self) -> str:
        return f"{self.user} by {self.channel}"


class Chain(models.Model):
    """Whom a team tells in what order, until somebody looks after it."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    default = models.BooleanField(default=False, help_text="Followed by rules that name no target.")
    steps = models.JSONField(default=list)
    unacknowledge = models.BooleanField(
        default=False, help_text="Begin again when whoever acknowledged does not answer the reminder."
    )
    objects: ClassVar[TeamOwned[Chain]] = managed(TeamOwned["Chain"])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "name"], name="one_chain_of_a_name"),
            models.UniqueConstraint(fields=["team"], condition=Q(default=True), name="one_default_chain"),
        ]

    def __str__(self) -> str:
        return self.name


class Schedule(models.Model):
    """Who is on call when: layers of rotations, later ones over earlier ones, overrides on top."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    zone = models.CharField(max_length=64, default="UTC")
    fallback = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", help_text="Told where nobody is on call."
    )
    objects: ClassVar[TeamOwned[Schedule]] = managed(TeamOwned["Schedule"])

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="one_schedule_of_a_name")]

    def __str__(self) -> str:
        return self.name


class ScheduleQuerySet(TeamOwned[Any]):
    team_path: ClassVar[str] = "schedule__team"


class Rotation(models.Model):
    """People who take turns: each for so many days, handed over at a time of day in the schedule's zone."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="rotations")
    place = models.PositiveIntegerField(default=0)
    people = models.JSONField(default=list, help_text="UUIDs in the order of their turns.")
    days = models.PositiveIntegerField(default=7, help_text="Of one turn.")
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)
    hand_over = models.TimeField()
    hours_from = models.TimeField(null=True, blank=True, help_text="On duty only from this time of day …")
    hours_until = models.TimeField(null=True, blank=True, help_text="… until this one.")
    weekdays = models.JSONField(default=list, blank=True, help_text="0 is Monday; empty: every day.")
    objects: ClassVar[ScheduleQuerySet] = managed(ScheduleQuerySet)

    class Meta:
        ordering: ClassVar[list[str]] = ["place", "pk"]

    def __str__(self) -> str:
        return f"Turn {self.place} of {self.schedule}"


class Override(models.Model):
    """Somebody takes a time over from whoever would have it."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="overrides")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    objects: ClassVar[ScheduleQuerySet] = managed(ScheduleQuerySet)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="an_override_ends_after_its_start")
        ]

    def __str__(self) -> str:
        return f"{self.user} takes {self.schedule}"
