"""The store's tables: series, layouts, the journal, identities of batches, latest rows."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from servers.models import Server

# The years 2000 to 2100: a clock that is off by decades must not get into the store by any road.
EARLIEST = 946_684_800_000
FURTHEST = 4_102_444_800_000
OLD_ENOUGH = 1000


class Series(models.Model):
    """One metric with one set of labels; shared by all servers that report it."""

    metric = models.CharField(max_length=200)
    labels = models.TextField(blank=True, help_text="Canonical text, as metrics.names writes it.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["metric", "labels"], name="one_series_of_a_name")]

    def __str__(self) -> str:
        return f"{self.metric}{self.labels}"


class Layout(models.Model):
    """An ordered list of series; rows name it instead of repeating the names."""

    hash = models.CharField(max_length=16, unique=True)
    columns = models.JSONField()
    series = models.JSONField(help_text="Series ids in the order of the columns; null for a refused name.")

    def __str__(self) -> str:
        return f"{self.hash} ({len(self.columns)} columns)"


def living() -> set[int]:
    """The servers that were not removed meanwhile: memory may still hold rows of others."""
    return set(Server.objects.values_list("pk", flat=True))


class JournalRows(models.QuerySet["JournalRow"]):
    def since(self, received: int) -> Self:
        """What was received since then, found from the end and not by reading the whole journal."""
        first = 0
        old = 0
        for pk, at in self.order_by("-pk").values_list("pk", "received").iterator():
            if at >= received:
                first, old = pk, 0
            else:
                old += 1
            # One older row is not the end: the clock may have been set meanwhile.
            if old >= OLD_ENOUGH:
                break
        return self.filter(pk__gte=first) if first else self.none()


class JournalRow(models.Model):
    """One post of one server, as it came: committed before its answer was sent."""

    server = models.ForeignKey(Server, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    layout = models.ForeignKey(Layout, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    received = models.BigIntegerField(help_text="Milliseconds, our clock.")
    start = models.BigIntegerField(help_text="First sample, milliseconds, the agent's clock.")
    end = models.BigIntegerField(help_text="Last sample, milliseconds, the agent's clock.")
    boot = models.CharField(max_length=64, blank=True)
    seq = models.BigIntegerField(null=True)
    rows = models.BinaryField(help_text="Times, then values: see metrics.blob.")
    objects: ClassVar[models.Manager[JournalRow]] = JournalRows.as_manager()

    class Meta:
        indexes = [models.Index(fields=["server", "end"], name="journal_of_a_server")]
        constraints = [
            models.CheckConstraint(condition=Q(start__gte=EARLIEST, end__lte=FURTHEST), name="journal_time_is_sane")
        ]

    def __str__(self) -> str:
        return f"journal {self.pk}"


class Accepted(models.Model):
    """Which sequence numbers of a boot were taken, as a list of ranges."""

    server = models.ForeignKey(Server, models.CASCADE, related_name="+")
    boot = models.CharField(max_length=64)
    ranges = models.JSONField(default=list)
    changed = models.BigIntegerField(default=0, help_text="Milliseconds, our clock.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["server", "boot"], name="one_record_of_a_boot")]

    def __str__(self) -> str:
        return f"{self.server_id}/{self.boot}"


class Latest(models.Model):
    """The newest row of a server, flushed now and then from memory and mended from the journal at start."""

    server = models.OneToOneField(Server, models.CASCADE, primary_key=True, related_name="+")
    layout = models.ForeignKey(Layout, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    received = models.BigIntegerField()
    at = models.BigIntegerField()
    values = models.BinaryField()
    objects: ClassVar[models.Manager[Latest]]

    def __str__(self) -> str:
        return f"latest of {self.server_id}"
