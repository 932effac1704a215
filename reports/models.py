"""Reports that were asked for, those that come by mail, and which servers lived when."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import ClassVar, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q

from accounts.base import LOOK, REPORT, TeamOwned
from accounts.models import Team, User
from core.managers import managed
from reports.bounds import still

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
STATES = (WAITING, RUNNING, DONE, FAILED, CANCELLED)
OPEN = (WAITING, RUNNING)
RHYTHMS = ("week", "month")
TARGET = 99.9


class Schedule(models.Model):
    """A report that a team has sent again and again, and to whom."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=40)
    selector = models.CharField(max_length=2000, blank=True)
    target = models.FloatField(default=TARGET, help_text="Promised availability in percent.")
    rhythm = models.CharField(max_length=10, choices=[(word, word) for word in RHYTHMS])
    hour = models.PositiveIntegerField(default=7, help_text="Of Monday, or of the first day of the month.")
    zone = models.CharField(max_length=64, default="UTC")
    language = models.CharField(max_length=10, default="en")
    formats = models.JSONField(default=list, help_text="Files in the mail: pdf, xlsx, csv.")
    people = models.JSONField(default=list, help_text="UUIDs of members of the team.")
    addresses = models.JSONField(default=list, help_text="Addresses of mail beside them.")
    stopped = models.JSONField(default=list, help_text="Who asked for no more of it.")
    owner = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    enabled = models.BooleanField(default=True)
    next_at = models.DateTimeField()
    fault = models.CharField(max_length=500, blank=True, help_text="Why the last mail did not go out.")
    created_at = models.DateTimeField(auto_now_add=True)
    objects: ClassVar[TeamOwned[Schedule]] = managed(TeamOwned["Schedule"])

    class Meta:
        verbose_name = "report by mail"
        verbose_name_plural = "reports by mail"
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="one_report_schedule_of_a_name")]
        indexes = [models.Index(fields=["next_at"], condition=Q(enabled=True), name="report_schedules_due")]

    def __str__(self) -> str:
        return self.name


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, user: User | AnonymousUser, verb: str = LOOK) -> Self:
        """One's own, as long as all in it may be seen. A token that reaches less sees what it had made itself.

        Those of a schedule are seen by whoever makes reports of that whole team.
        """
        if isinstance(user, AnonymousUser) or not user.is_active:
            return self.none()
        of_team = Q(schedule__isnull=False, team__in=Team.objects.visible_to(user, REPORT))
        mine = Q(owner=user.pk, within=user.within, schedule=None)
        bounds = self.model.objects.filter(mine).order_by().values_list("reach", flat=True).distinct()
        within = [text for text in bounds if still(user, text)]
        return self.filter(mine & Q(reach__in=within) | of_team)


class Run(models.Model):
    """One report for one time: how far it is, and where its files lie."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    within = models.CharField(max_length=500, blank=True, help_text="What the token reached that asked for it.")
    reach = models.TextField(blank=True, editable=False, help_text="What its owner reached when it was made.")
    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True, related_name="+")
    schedule = models.ForeignKey(Schedule, models.CASCADE, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=40)
    selector = models.CharField(max_length=2000, blank=True)
    target = models.FloatField(default=TARGET)
    period = models.CharField(max_length=10)
    start = models.DateTimeField()
    end = models.DateTimeField()
    zone = models.CharField(max_length=64, default="UTC")
    language = models.CharField(max_length=10, default="en")
    state = models.CharField(max_length=10, choices=[(word, word) for word in STATES], default=WAITING)
    progress = models.PositiveIntegerField(default=0)
    said = models.CharField(max_length=500, blank=True, help_text="What it is at, or why it failed.")
    servers = models.PositiveIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    moved_at = models.DateTimeField(auto_now_add=True, help_text="Its last sign of life.")
    done_at = models.DateTimeField(null=True, blank=True)
    objects: ClassVar[RunQuerySet] = managed(RunQuerySet)

    class Meta:
        verbose_name = "report"
        constraints = [
            models.UniqueConstraint(fields=["schedule", "start"], name="one_run_of_a_period"),
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="a_report_ends_after_its_start"),
        ]
        indexes = [
            models.Index(fields=["owner", "-created_at"]),
            models.Index(fields=["state"], condition=Q(state__in=OPEN), name="report_runs_open"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.start:%Y-%m-%d}"

    @property
    def over(self) -> bool:
        return self.state not in OPEN


class Sending(models.Model):
    """One mail of one run to one address: sent once, tried until it is."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="sendings")
    address = models.CharField(max_length=320)
    sent_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name = "mail of a report"
        verbose_name_plural = "mails of reports"
        constraints = [models.UniqueConstraint(fields=["run", "address"], name="one_mail_of_a_report")]
        indexes = [models.Index(fields=["due_at"], condition=Q(sent_at=None), name="report_mails_due")]

    def __str__(self) -> str:
        return f"{self.run} to {self.address}"


class LifeQuerySet(TeamOwned["Life"]):
    def during(self, start: datetime, end: datetime) -> Self:
        return self.filter(ended_at__gt=start, began_at__lt=end)


class Life(models.Model):
    """A server or a check that was removed: what it was called, when it lived, and when it was silent or failed."""

    uuid = models.UUIDField(unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="+")
    name = models.CharField(max_length=120)
    stands_for = models.CharField(max_length=10, blank=True, help_text="Empty: a server. Else check.")
    machine = models.UUIDField(null=True, help_text="Of a check: whose it was; its own row where it stood alone.")
    of = models.CharField(max_length=120, blank=True, help_text="Of a check: what that machine was called.")
    words = models.JSONField(default=dict, help_text="What a selector sees of it.")
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    silent = models.JSONField(default=list, help_text="Spans in milliseconds, as far back as was kept.")
    blind = models.JSONField(default=list, help_text="Of a check: when nobody looked.")
    known_from = models.BigIntegerField(default=0, help_text="Milliseconds; of earlier nothing was kept.")
    objects: ClassVar[LifeQuerySet] = managed(LifeQuerySet)

    class Meta:
        verbose_name = "removed server or check"
        verbose_name_plural = "removed servers and checks"

    def __str__(self) -> str:
        return self.name
