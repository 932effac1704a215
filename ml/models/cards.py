"""Report cards: how well a server's model found known faults in rows that it had not seen."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.db.models import OuterRef, Subquery

from core.managers import managed
from servers.models import Server, ServerRows


class Cards(ServerRows["Card"]):
    def newest(self) -> Self:
        """One of each server."""
        last = Card.objects.filter(server=OuterRef("server")).order_by("-day").values("pk")[:1]
        return self.filter(pk=Subquery(last))


class Card(models.Model):
    """One night's measurement of one server's model; counts, so that cards of many servers can be added."""

    server = models.ForeignKey(Server, models.CASCADE, related_name="+")
    day = models.DateField()
    version = models.PositiveIntegerField(help_text="The number of the model that was measured.")
    measured_at = models.DateTimeField()
    span_from = models.BigIntegerField(help_text="First row that was measured on, milliseconds.")
    span_to = models.BigIntegerField(help_text="Last row that was measured on, milliseconds.")
    threshold = models.FloatField()
    counts = models.JSONField(default=dict, help_text="What ml.card counts: by family of metrics and kind of fault.")
    f1 = models.FloatField(null=True)
    fpr = models.FloatField(null=True, help_text="Share of calm points with an alarm.")
    may_page = models.BooleanField(default=False, help_text="Good enough for alarms that page somebody.")
    objects: ClassVar[Cards] = managed(Cards)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["server", "day"], name="one_card_a_night")]
        indexes = [models.Index(fields=["day"])]

    def __str__(self) -> str:
        return f"card of server {self.server_id} on {self.day}"
