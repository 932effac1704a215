"""What came of rules: alerts, incidents, notices, deliveries and the steps of a chain."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from accounts.base import ServerOwned
from accounts.models import Team, User
from alerts.models.channels import Channel
from alerts.models.leaving import keep_name
from alerts.models.rules import SEVERITIES, Rule
from alerts.models.seen import Reader
from core.managers import managed
from metrics.models import Series
from metrics.store import parse
from servers.models import Server


class IncidentQuerySet(Reader["Incident"]):
    incident: ClassVar[str] = ""

    def on(self, servers: Collection[int]) -> Q:
        """Those with an alert on one of these servers, whatever else they hold."""
        return Q(pk__in=Alert.objects.filter(server__in=servers).values("incident"))

    def open(self) -> Self:
        return self.filter(resolved_at=None)


class Incident(models.Model):
    """Alerts told together: who owns it, whether it is acknowledged, how it ended."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="+")
    key = models.CharField(max_length=120, help_text="What groups its alerts.")
    title = models.CharField(max_length=300)
    said = models.JSONField(default=dict, blank=True, help_text="What the title tells, to tell it in any language.")
    severity = models.CharField(max_length=10, choices=SEVERITIES)
    opened_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    acknowledged_how = models.CharField(
        max_length=10, blank=True, help_text="sticky: to the end. Empty: until it gets worse."
    )
    acknowledged_until = models.DateTimeField(null=True, blank=True)
    acknowledged_reason = models.CharField(max_length=500, blank=True)
    acknowledged_over = models.CharField(max_length=20, blank=True, help_text="web, mail, slack, push, sms or api.")
    reminded_at = models.DateTimeField(null=True, blank=True)
    rule = models.ForeignKey(Rule, models.SET_NULL, null=True, blank=True, related_name="+")
    parent = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="children",
        help_text="The trouble that explains it, such as its server being down: nobody is told of it meanwhile.",
    )  # fmt: skip
    told_at = models.DateTimeField(null=True, blank=True, help_text="When the group was told last.")
    next_at = models.DateTimeField(null=True, blank=True, help_text="When there may be something to tell or do.")
    repeats = models.PositiveIntegerField(default=0, help_text="How often it was said again since the last news.")
    viewer: User | None = None
    """Whoever it was read for, where they may not see all it holds."""
    objects: ClassVar[IncidentQuerySet] = managed(IncidentQuerySet)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key"], condition=Q(resolved_at=None), name="one_open_incident_of_a_group"
            )
        ]
        indexes = [
            models.Index(fields=["team", "-opened_at"]),
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="incidents_due"),
        ]

    def __str__(self) -> str:
        return self.title

    def seen_kin(self) -> IncidentQuerySet:
        """Other incidents of which its reader may know."""
        return Incident.objects.all() if self.viewer is None else Incident.objects.visible_to(self.viewer)

    def seen_alerts(self) -> AlertQuerySet:
        """Those it holds, of which its reader may know."""
        mine = Alert.objects.filter(incident=self)
        return mine if self.viewer is None else mine.filter(pk__in=Alert.objects.visible_to(self.viewer).values("pk"))

    def seen_notices(self) -> NoticeQuerySet:
        mine = Notice.objects.filter(incident=self)
        return (
            mine if self.viewer is None else Notice.objects.visible_to(self.viewer).filter(pk__in=mine.values("pk"))
        )

    @property
    def state(self) -> str:
        if self.resolved_at:
            return "resolved"
        return "acknowledged" if self.acknowledged_at else "open"


class AlertQuerySet(Reader["Alert"]):
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
    objects: ClassVar[AlertQuerySet] = managed(AlertQuerySet)

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


NOTICES = (
    "firing", "resolved", "acknowledged", "unacknowledged", "repeat", "reminder", "digest", "escalated", "note",
    "test",
)  # fmt: skip


BEGINNINGS = ("firing", "escalated")  # what the end of a trouble, and all that is said of it, comes after


CALLS = ("firing", "repeat", "escalated")  # what asks somebody to come


class NoticeQuerySet(Reader["Notice"]):
    team_path: ClassVar[str] = "incident__team"

    def on(self, servers: Collection[int]) -> Q:
        """Those about an alert there. What speaks of a whole incident may name each of its servers."""
        alerts = Alert.objects.exclude(incident=None)
        there, elsewhere = (alerts.filter(server__in=servers), alerts.exclude(server__in=servers))
        whole = Incident.objects.filter(pk__in=there.values("incident")).exclude(pk__in=elsewhere.values("incident"))
        return Q(alert__server__in=servers) | Q(alert=None, incident__in=whole)

    def untold(self) -> Self:
        """Beginnings and ends that nobody was told of yet: they wait for their group, or are held."""
        return self.filter(told_at=None, kind__in=("firing", "resolved"))


class Notice(models.Model):
    """One change worth telling, written in the transaction that made it."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="notices")
    alert = models.ForeignKey(Alert, models.CASCADE, null=True, blank=True, related_name="notices")
    kind = models.CharField(max_length=14, choices=[(kind, kind) for kind in NOTICES])
    transition = models.PositiveIntegerField(default=0)
    at = models.DateTimeField()
    text = models.CharField(max_length=400)
    facts = models.JSONField(default=dict, help_text="Value, limit and severity at that moment.")
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    told_at = models.DateTimeField(null=True, blank=True, help_text="Empty: not told yet.")
    told_in = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="tells", help_text="The message of its group."
    )
    held = models.CharField(max_length=200, blank=True, help_text="Why it is not told yet, or was not told at all.")
    objects: ClassVar[NoticeQuerySet] = managed(NoticeQuerySet)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["alert", "transition"], name="one_notice_of_a_transition"),
        ]
        indexes = [
            models.Index(fields=["incident", "at"]),
            models.Index(fields=["at"], condition=Q(told_at=None), name="notices_untold"),
        ]

    def __str__(self) -> str:
        return self.text

    @property
    def state(self) -> str:
        """What became of it: waiting for its group, held for a reason, told, or over before anybody was told."""
        if self.told_at is None:
            return "held" if self.held else "waiting"
        return "not told" if self.held else "told"


class DeliveryQuerySet(ServerOwned["Delivery"]):
    team_path: ClassVar[str] = "notice__incident__team"

    def on(self, servers: Collection[int]) -> Q:
        notices = Notice.objects.all()
        return Q(notice__in=notices.filter(notices.on(servers)))

    def due(self, now: datetime) -> Self:
        """What may be sent now; the rest of a trouble waits until its beginning is out to that recipient."""
        free = Q(lease_until=None) | Q(lease_until__lt=now)
        beginning = Delivery.objects.filter(
            state="waiting",
            channel=OuterRef("channel"),
            recipient=OuterRef("recipient"),
            notice__incident=OuterRef("notice__incident"),
            notice__kind__in=BEGINNINGS,
            folded_in=None,
            pk__lt=OuterRef("pk"),
        )
        early = ~Q(notice__kind__in=(*BEGINNINGS, "digest")) & Exists(beginning)
        return self.filter(free, ~early, state="waiting", folded_in=None, due_at__lte=now)


class Delivery(models.Model):
    """One notice to one recipient over one channel: claimed by lease, sent, then marked."""

    STATES = ("waiting", "sent", "dead", "dropped")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    notice = models.ForeignKey(Notice, models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="+")
    recipient = models.CharField(max_length=320, blank=True, help_text="The longest is an address of mail.")
    state = models.CharField(max_length=10, choices=[(s, s) for s in STATES], default="waiting")
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    person = models.ForeignKey(User, keep_name, null=True, blank=True, related_name="+")
    person_name = models.CharField(max_length=320, blank=True, help_text="Of somebody whose account is gone.")
    instead_of = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="+", help_text="What failed before it."
    )
    folded_in = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="folds",
        help_text="The digest that tells it, where the channel had said enough.",
    )  # fmt: skip
    tried_at = models.DateTimeField(null=True, blank=True, help_text="When it was tried first.")
    answer = models.CharField(max_length=500, blank=True, help_text="What the provider answered.")
    reference = models.CharField(max_length=200, blank=True, help_text="The provider's name of it, to go on from.")
    error = models.CharField(max_length=500, blank=True)
    objects: ClassVar[DeliveryQuerySet] = managed(DeliveryQuerySet)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["notice", "channel", "recipient"], name="one_delivery_of_a_notice")
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="waiting"), name="deliveries_due"),
            models.Index(fields=["channel", "sent_at"], name="deliveries_of_a_channel"),
        ]

    def __str__(self) -> str:
        return f"{self.notice} by {self.channel}"

    @property
    def whom(self) -> str:
        """The person it was for, by name; empty where it was for nobody alone."""
        return str(self.person or self.channel.owner or self.person_name)

    @property
    def key(self) -> str:
        """The same for every try: receivers may drop repeats by it."""
        return str(self.uuid)


class StepQuerySet(ServerOwned["Step"]):
    team_path: ClassVar[str] = "incident__team"

    def on(self, servers: Collection[int]) -> Q:
        incidents = Incident.objects.all()
        return Q(incident__in=incidents.filter(incidents.on(servers)))

    def due(self, now: datetime) -> Self:
        return self.filter(done_at=None, due_at__lte=now)


class Step(models.Model):
    """One step of a chain as it stood when the trouble began: when it is due, when it was done, what came of it."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="steps")
    chain = models.CharField(max_length=80, help_text="Its name at that time.")
    round = models.PositiveIntegerField(default=0, help_text="A chain begins anew when it is un-acknowledged.")
    place = models.PositiveIntegerField()
    kind = models.CharField(max_length=20)
    args = models.JSONField(default=dict)
    due_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    result = models.CharField(max_length=300, blank=True)
    objects: ClassVar[StepQuerySet] = managed(StepQuerySet)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["incident", "chain", "round", "place"], name="one_step_of_a_place")
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(done_at=None), name="steps_due")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.chain}"
