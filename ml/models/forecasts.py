"""What is said of the future: when finite things run out, what came of it, risks, and sizes that do not fit."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models

from core.managers import managed
from servers.models import Server, ServerRows

STATES = ("predictable", "unclear", "not_predictable", "never", "not_enough")
HORIZONS = ("hour", "day", "two_weeks")


class Forecasts(ServerRows["Forecast"]):
    def soonest(self) -> Self:
        """Those that say a time first, the nearest of them on top."""
        return self.order_by(models.F("seconds_left").asc(nulls_last=True), "state", "server", "metric", "labels")


class Forecast(models.Model):
    """The newest word on one finite thing of one server, with what was said of it on the days before."""

    server = models.ForeignKey(Server, models.CASCADE, related_name="+")
    metric = models.CharField(max_length=200)
    labels = models.TextField(blank=True, help_text="Canonical text, as metrics.names writes it.")
    state = models.CharField(max_length=20, choices=[(word, word) for word in STATES])
    reason = models.CharField(max_length=40, blank=True, help_text="Why there is no time: a word of ml.forecast.")
    value = models.FloatField(null=True)
    limit = models.FloatField(null=True)
    per_day = models.FloatField(null=True, help_text="Growth a day.")
    seconds_left = models.FloatField(null=True)
    seconds_low = models.FloatField(null=True, help_text="One in ten ends earlier.")
    seconds_high = models.FloatField(null=True, help_text="One in ten ends later; null: it may not end.")
    chances = models.JSONField(default=dict, help_text="By horizon: the probability that the limit is met in it.")
    error = models.FloatField(null=True, help_text="Share by which its own past forecasts were off.")
    scored = models.PositiveSmallIntegerField(default=0, help_text="How many of them the error is the middle of.")
    span_from = models.BigIntegerField(default=0, help_text="Since when its pace is told, milliseconds.")
    at = models.BigIntegerField(help_text="When this was said, milliseconds.")
    said = models.JSONField(default=list, help_text="A day each: [ms, seconds left, low, high].")
    objects: ClassVar[Forecasts] = managed(Forecasts)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["server", "metric", "labels"], name="one_forecast_of_a_thing")]

    def __str__(self) -> str:
        return f"forecast of {self.metric}{self.labels} on server {self.server_id}"


class Crossing(models.Model):
    """A limit that was met, kept for good with all that had been forecast of it."""

    server = models.ForeignKey(Server, models.CASCADE, related_name="+")
    metric = models.CharField(max_length=200)
    labels = models.TextField(blank=True)
    limit = models.FloatField()
    at = models.BigIntegerField(help_text="Milliseconds.")
    said = models.JSONField(default=list, help_text="A day each: [ms, seconds left, low, high].")
    error = models.FloatField(null=True, help_text="Share by which the last forecast of at least a day was off.")
    objects: ClassVar[ServerRows[Crossing]] = managed(ServerRows["Crossing"])

    class Meta:
        indexes = [models.Index(fields=["server", "at"], name="crossings_of_a_server")]

    def __str__(self) -> str:
        return f"{self.metric}{self.labels} of server {self.server_id} met {self.limit}"


class Risk(models.Model):
    """How likely a server comes into a critical condition within a while, and what speaks for it."""

    server = models.ForeignKey(Server, models.CASCADE, related_name="+")
    horizon = models.CharField(max_length=10, choices=[(word, word) for word in HORIZONS])
    state = models.CharField(max_length=20, help_text="low, raised, high, met or not_enough.")
    percent = models.FloatField(null=True)
    evidence = models.JSONField(default=list, help_text="The worst first: kind, metric, labels and figures.")
    at = models.BigIntegerField()
    objects: ClassVar[ServerRows[Risk]] = managed(ServerRows["Risk"])

    class Meta:
        constraints = [models.UniqueConstraint(fields=["server", "horizon"], name="one_risk_of_a_horizon")]

    def __str__(self) -> str:
        return f"risk of server {self.server_id} within the {self.horizon}"


class DiskRisk(models.Model):
    """The risk class of one disk by its counters, never by its own verdict."""

    server = models.ForeignKey(Server, models.CASCADE, related_name="+")
    device = models.CharField(max_length=200)
    state = models.CharField(max_length=20, help_text="low, raised or high.")
    score = models.FloatField(help_text="The model's figure; it orders disks and is no probability.")
    evidence = models.JSONField(default=list, help_text="Counters above nothing: [metric, value, change in 30 days].")
    by = models.CharField(max_length=20, help_text="model or rule: what could be asked with what the disk tells.")
    at = models.BigIntegerField()
    objects: ClassVar[ServerRows[DiskRisk]] = managed(ServerRows["DiskRisk"])

    class Meta:
        constraints = [models.UniqueConstraint(fields=["server", "device"], name="one_risk_of_a_disk")]

    def __str__(self) -> str:
        return f"risk of {self.device} on server {self.server_id}"


class Sizing(models.Model):
    """Whether a server is far larger, or smaller, than its work of the last two weeks."""

    server = models.OneToOneField(Server, models.CASCADE, primary_key=True, related_name="+")
    state = models.CharField(max_length=20, help_text="idle, overloaded, fits or not_enough.")
    figures = models.JSONField(default=dict, help_text="Typical and busiest per cent of processor and memory.")
    at = models.BigIntegerField()
    objects: ClassVar[ServerRows[Sizing]] = managed(ServerRows["Sizing"])

    def __str__(self) -> str:
        return f"size of server {self.server_id}"
