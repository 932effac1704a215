"""What is watched for, and when nothing is said of it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import ClassVar, Self

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from accounts.base import ACT, LOOK, narrow
from accounts.models import Team, User
from alerts.models.seen import Naming
from core import selector
from core.managers import managed

SEVERITIES = [("warn", "Warning"), ("critical", "Critical")]
KINDS = ["threshold", "change", "past", "no_data", "anomaly", "forecast", "composite"]


class RuleQuerySet(Naming["Rule"]):
    def standing(self) -> Self:
        """Those not removed; removed ones stay until what they began is told to its end."""
        return self.filter(removed_at=None)


class Rule(models.Model):
    """One condition over one series of the servers that a selector names."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="+")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=20, choices=[(kind, kind) for kind in KINDS], default="threshold")
    metric = models.CharField(max_length=200, blank=True)
    labels = models.JSONField(default=dict, blank=True)
    selector = models.CharField(max_length=2000, blank=True)
    op = models.CharField(max_length=10, choices=[("above", "above"), ("below", "below")], default="above")
    warn = models.FloatField(null=True, blank=True)
    warn_recover = models.FloatField(null=True, blank=True)
    critical = models.FloatField(null=True, blank=True)
    critical_recover = models.FloatField(null=True, blank=True)
    for_seconds = models.PositiveIntegerField(default=0)
    keep_firing_seconds = models.PositiveIntegerField(default=0)
    params = models.JSONField(default=dict, blank=True, help_text="What only its kind knows, such as a window.")
    notify = models.JSONField(default=list, blank=True)
    group_by = models.JSONField(default=list, blank=True, help_text="Empty: all servers of the rule together.")
    group_wait = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: critical 0 s, warning 10 s.")
    group_interval = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: a minute.")
    repeat_intervals = models.JSONField(default=list, blank=True, help_text="Seconds; empty: 4 h, a day, a week.")
    runbook = models.CharField(max_length=500, blank=True, help_text="What to do, or where it stands.")
    enabled = models.BooleanField(default=True)
    fault = models.CharField(max_length=500, blank=True, editable=False, help_text="Why it cannot be judged.")
    fault_at = models.DateTimeField(null=True, blank=True, editable=False)
    made_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, editable=False, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)
    viewer: User | None = None
    """Whoever it was read for, where they may not see all servers that it names."""
    objects: ClassVar[RuleQuerySet] = managed(RuleQuerySet)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "name"], condition=Q(removed_at=None), name="one_rule_of_a_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """For the admin's form; the API checks more, field by field."""
        try:
            selector.parse(self.selector)
        except selector.Unreadable as fault:
            raise ValidationError({"selector": str(fault)}) from fault
        if not isinstance(self.labels, dict) or not all(isinstance(value, str) for value in self.labels.values()):
            raise ValidationError({"labels": 'Write them as {"mount": "/"}: each label a text.'})


class SilenceQuerySet(Naming["Silence"]):
    def visible_to(self, user: User | AnonymousUser, verb: str = LOOK) -> Self:
        """Of a narrowed person, all of the team to look at; their own, which are narrowed as they are, to change."""
        found = super().visible_to(user, verb)
        if verb != ACT or isinstance(user, AnonymousUser) or not narrow.concerns(user):
            return found
        return self.filter(Q(pk__in=found.values("pk")) | Q(owner=user, team__in=Team.objects.visible_to(user, ACT)))

    def standing(self, now: datetime) -> Self:
        """Those that mute now or may still: not ended by hand, and not over."""
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=now), ended_at=None)


class Silence(models.Model):
    """A time in which messages stop, once or again and again; judging and history go on."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="+")
    selector = models.CharField(max_length=2000, blank=True)
    rule = models.ForeignKey(Rule, models.CASCADE, null=True, blank=True, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Of a recurring one: the end of all of it.")
    rrule = models.CharField(max_length=500, blank=True, help_text="Such as FREQ=WEEKLY;BYDAY=SU; empty: once.")
    duration = models.PositiveIntegerField(null=True, blank=True, help_text="Seconds of each, where it recurs.")
    zone = models.CharField(max_length=64, default="UTC")
    reason = models.CharField(max_length=500)
    owner = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="When somebody ended it early.")
    warned_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="Its end was announced.")
    objects: ClassVar[SilenceQuerySet] = managed(SilenceQuerySet)

    class Meta:
        indexes = [models.Index(fields=["team", "ends_at"])]

    def __str__(self) -> str:
        return self.reason
