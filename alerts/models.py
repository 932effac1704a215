"""Rules, and what came of them: alerts, incidents, notices, deliveries."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, OuterRef, Q

from accounts.base import TeamOwned
from accounts.models import Team, User
from core import sealed, selector
from metrics.models import Series
from metrics.store import parse
from servers.models import Server

SEVERITIES = [("warn", "Warning"), ("critical", "Critical")]


class Channel(models.Model):
    """A way to tell people. Its credentials are sealed with a key that is not in the database."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=40)
    sealed_config = models.TextField(editable=False)
    enabled = models.BooleanField(default=True)
    default = models.BooleanField(default=True, help_text="Told by rules that name no target.")
    objects: ClassVar[TeamOwned[Channel]] = TeamOwned["Channel"].as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="one_channel_of_a_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def config(self) -> dict[str, Any]:
        return sealed.open_(self.sealed_config)

    @config.setter
    def config(self, value: dict[str, Any]) -> None:
        self.sealed_config = sealed.seal(value)


class RuleQuerySet(TeamOwned["Rule"]):
    def standing(self) -> Self:
        """Those not removed; removed ones stay until what they began is told to its end."""
        return self.filter(removed_at=None)


class Rule(models.Model):
    """One condition over one series of the servers that a selector names."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="+")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=20, choices=[("threshold", "Threshold")], default="threshold")
    metric = models.CharField(max_length=200)
    labels = models.JSONField(default=dict, blank=True)
    selector = models.CharField(max_length=2000, blank=True)
    op = models.CharField(max_length=10, choices=[("above", "above"), ("below", "below")], default="above")
    warn = models.FloatField(null=True, blank=True)
    warn_recover = models.FloatField(null=True, blank=True)
    critical = models.FloatField(null=True, blank=True)
    critical_recover = models.FloatField(null=True, blank=True)
    for_seconds = models.PositiveIntegerField(default=0)
    keep_firing_seconds = models.PositiveIntegerField(default=0)
    notify = models.JSONField(default=list, blank=True)
    group_wait = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: critical 0 s, warning 10 s.")
    enabled = models.BooleanField(default=True)
    changed_at = models.DateTimeField(auto_now=True)
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)
    objects: ClassVar[RuleQuerySet] = RuleQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "name"], condition=Q(removed_at=None), name="one_rule_of_a_name"),
            models.CheckConstraint(
                condition=Q(warn__isnull=False) | Q(critical__isnull=False), name="a_rule_has_a_limit"
            ),
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


class IncidentQuerySet(TeamOwned["Incident"]):
    def open(self) -> Self:
        return self.filter(resolved_at=None)


class Incident(models.Model):
    """Alerts told together: who owns it, whether it is acknowledged, how it ended."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="+")
    key = models.CharField(max_length=120, help_text="What groups its alerts.")
    title = models.CharField(max_length=300)
    severity = models.CharField(max_length=10, choices=SEVERITIES)
    opened_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    objects: ClassVar[IncidentQuerySet] = IncidentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key"], condition=Q(resolved_at=None), name="one_open_incident_of_a_group"
            )
        ]
        indexes = [models.Index(fields=["team", "-opened_at"])]

    def __str__(self) -> str:
        return self.title

    @property
    def state(self) -> str:
        if self.resolved_at:
            return "resolved"
        return "acknowledged" if self.acknowledged_at else "open"


class AlertQuerySet(TeamOwned["Alert"]):
    team_path: ClassVar[str] = "rule__team"

    def open(self) -> Self:
        return self.filter(resolved_at=None)


class Alert(models.Model):
    """One rule broken by one series of one server, from the first bad sample to the last."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    rule = models.ForeignKey(Rule, models.CASCADE)
    server = models.ForeignKey(Server, models.CASCADE, related_name="+")
    series = models.ForeignKey(Series, models.CASCADE, related_name="+")
    incident = models.ForeignKey(Incident, models.CASCADE, null=True, blank=True, related_name="alerts")
    state = models.CharField(max_length=12, default="pending")
    severity = models.CharField(max_length=10, choices=SEVERITIES)
    value = models.FloatField()
    limit = models.FloatField()
    since = models.BigIntegerField(help_text="First bad sample, milliseconds.")
    good_since = models.BigIntegerField(null=True, help_text="First good sample of a recovery, milliseconds.")
    judged = models.BigIntegerField(help_text="Newest sample judged, milliseconds. An alert only moves forward.")
    transition = models.PositiveIntegerField(default=0)
    resolved_at = models.DateTimeField(null=True, blank=True)
    objects: ClassVar[AlertQuerySet] = AlertQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "server", "series"], condition=Q(resolved_at=None), name="one_open_alert_of_a_series"
            )
        ]

    def __str__(self) -> str:
        return f"{self.rule} on {self.server}"

    @property
    def labels(self) -> dict[str, str]:
        return dict(parse(f"{self.series.metric}{self.series.labels}")[1])


class NoticeQuerySet(TeamOwned["Notice"]):
    team_path: ClassVar[str] = "incident__team"


class Notice(models.Model):
    """One change worth telling, written in the transaction that made it."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="notices")
    alert = models.ForeignKey(Alert, models.CASCADE, null=True, blank=True, related_name="notices")
    kind = models.CharField(max_length=14)
    transition = models.PositiveIntegerField(default=0)
    at = models.DateTimeField()
    text = models.CharField(max_length=400)
    facts = models.JSONField(default=dict, help_text="Value, limit and severity at that moment.")
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    objects: ClassVar[NoticeQuerySet] = NoticeQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["alert", "transition"], name="one_notice_of_a_transition"),
        ]

    def __str__(self) -> str:
        return self.text


class DeliveryQuerySet(TeamOwned["Delivery"]):
    team_path: ClassVar[str] = "channel__team"

    def due(self, now: datetime) -> Self:
        """What may be sent now; the end of a trouble waits until its beginning is out to that recipient."""
        free = Q(lease_until=None) | Q(lease_until__lt=now)
        beginning = Delivery.objects.filter(
            state="waiting",
            channel=OuterRef("channel"),
            recipient=OuterRef("recipient"),
            notice__alert=OuterRef("notice__alert"),
            notice__kind="firing",
        )
        early = Q(notice__kind="resolved") & Exists(beginning)
        return self.filter(free, ~early, state="waiting", due_at__lte=now)


class Delivery(models.Model):
    """One notice to one recipient over one channel: claimed by lease, sent, then marked."""

    STATES = ("waiting", "sent", "dead", "dropped")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    notice = models.ForeignKey(Notice, models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="+")
    recipient = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=[(s, s) for s in STATES], default="waiting")
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)
    objects: ClassVar[DeliveryQuerySet] = DeliveryQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["notice", "channel", "recipient"], name="one_delivery_of_a_notice")
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(state="waiting"), name="deliveries_due")]

    def __str__(self) -> str:
        return f"{self.notice} by {self.channel}"

    @property
    def key(self) -> str:
        """The same for every try: receivers may drop repeats by it."""
        return str(self.uuid)
