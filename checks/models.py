"""What is looked at from outside: checks, how each stands, and the signals of heartbeats."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import uuid4

from django.db import models

from accounts.base import M_co
from accounts.models import Team, User
from core.managers import managed
from metrics.store import write
from servers.models import Server, ServerRows

KINDS = ("http", "tcp", "ping", "dns", "heartbeat")
NEW, UP, FAILING, LATE, DOWN = "new", "up", "failing", "late", "down"
STATES = (NEW, UP, FAILING, LATE, DOWN)
LEAST_INTERVAL, MOST_INTERVAL = 10, 86_400
LONGEST_TIMEOUT = 60
BOUNDS = {
    "interval": (LEAST_INTERVAL, MOST_INTERVAL),
    "timeout": (1, LONGEST_TIMEOUT),
    "retries": (0, 20),
    "window": (60, 3600),
}


class Check(models.Model):
    """One look from outside. Its series belong to `server`: a machine, or a row that stands for this check alone."""

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="+")
    server = models.ForeignKey(Server, models.CASCADE, related_name="+")
    name = models.CharField(max_length=120)
    label = models.CharField(max_length=120, editable=False, help_text="Its name in series; it stays when renamed.")
    kind = models.CharField(max_length=20, choices=[(kind, kind) for kind in KINDS])
    target = models.CharField(max_length=2000, blank=True)
    config = models.JSONField(default=dict, blank=True, help_text="What only its kind knows.")
    secrets = models.TextField(blank=True, editable=False, help_text="Sealed: values of headers that prove who asks.")
    by_agent = models.BooleanField(default=False, help_text="Run by the agent of its server, not by the hub.")
    interval = models.PositiveIntegerField(default=60)
    timeout = models.PositiveIntegerField(default=10)
    retries = models.PositiveIntegerField(default=1, help_text="Failed tries in a row that are not yet down.")
    window = models.PositiveIntegerField(default=600, help_text="Seconds over which its share of errors counts.")
    paused = models.BooleanField(default=False)
    ping_key = models.UUIDField(default=uuid4, unique=True, editable=False)
    made_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, editable=False, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True, db_index=True)
    objects: ClassVar[ServerRows[Check]] = managed(ServerRows["Check"])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "name"], name="one_check_of_a_name"),
            models.UniqueConstraint(fields=["server", "label"], name="one_check_of_a_label"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def alone(self) -> bool:
        """Whether it stands for itself: its server row was made for it and goes with it."""
        return self.server.internal

    def labels(self) -> dict[str, str]:
        found = {"check": self.label}
        return {**found, "kind": "heartbeat"} if self.kind == "heartbeat" else found

    def column(self, metric: str, **more: str) -> str:
        """The column of one of its series."""
        return metric + write(tuple(sorted({**self.labels(), **more}.items())))


class OfCheck(ServerRows[M_co]):
    """Rows of checks, met by whoever meets the check's server."""

    team_path: ClassVar[str] = "check_ref__team"
    server_path: ClassVar[str] = "check_ref__server"


class Run(models.Model):
    """How a check stands and when it is due; written by whoever runs it, never by people."""

    check_ref = models.OneToOneField(
        Check, models.CASCADE, primary_key=True, related_name="run", db_column="check_id"
    )
    due_at = models.DateTimeField(null=True, db_index=True, help_text="Empty: paused.")
    lease_owner = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, default=NEW)
    since = models.DateTimeField(null=True)
    at = models.DateTimeField(null=True, help_text="The last try, or the last signal.")
    failures = models.PositiveIntegerField(default=0)
    said = models.CharField(max_length=500, blank=True)
    seconds = models.FloatField(null=True)
    parts = models.JSONField(default=dict)
    certificate_ends = models.DateTimeField(null=True)
    recent = models.JSONField(default=list, help_text="Unix seconds of tries; the failed ones negative.")
    started_at = models.DateTimeField(null=True, help_text="Of a heartbeat: a job that runs.")
    expected_at = models.DateTimeField(null=True, help_text="Of a heartbeat: when the next signal should come.")
    excused_until = models.DateTimeField(null=True, help_text="Of a heartbeat: we were away and could not hear it.")
    objects: ClassVar[OfCheck[Run]] = managed(OfCheck["Run"])

    def __str__(self) -> str:
        return f"{self.check_ref_id}: {self.state}"


class Signal(models.Model):
    """One signal of a heartbeat, with what it said."""

    check_ref = models.ForeignKey(Check, models.CASCADE, related_name="+", db_column="check_id")
    at = models.DateTimeField()
    kind = models.CharField(max_length=10, help_text="success, start, fail or log.")
    code = models.PositiveSmallIntegerField(null=True)
    seconds = models.FloatField(null=True, help_text="Since the start signal.")
    body = models.TextField(blank=True)
    address = models.CharField(max_length=64, blank=True)
    objects: ClassVar[OfCheck[Signal]] = managed(OfCheck["Signal"])

    class Meta:
        indexes = [models.Index(fields=["check_ref", "-at"])]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at}"


Config = dict[str, Any]
