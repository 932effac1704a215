"""The store's tables: series, layouts, the journal, identities of batches, latest rows, chunks and rollups."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from servers.models import Server

# The years 2000 to 2100: a clock that is off by decades must not get into the store by any road.
EARLIEST = 946_684_800_000
FURTHEST = 4_102_444_800_000
OLD_ENOUGH = 1000
OWN = "#own"  # the boot of what we found out ourselves; an agent's boot never stands without a number


class Series(models.Model):
    """One metric with one set of labels; shared by all servers that report it."""

    metric = models.CharField(max_length=200)
    labels = models.TextField(blank=True, help_text="Canonical text, as metrics.names writes it.")

    class Meta:
        verbose_name_plural = "series"
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


def living(of: Collection[int] | None = None) -> set[int]:
    """The servers, all or of these, that were not removed meanwhile: memory may still hold rows of others."""
    rows = Server.objects.all() if of is None else Server.objects.filter(pk__in=of)
    return set(rows.values_list("pk", flat=True))


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

    def posted(self) -> Self:
        """By machines, without what we found out ourselves."""
        return self.exclude(boot=OWN, seq=None)


class JournalRow(models.Model):
    """One post of one server, as it came: committed before its answer was sent; kept until it is sealed.

    No index beside the key: each would cost a page of disk a post. The newest row is never deleted, so
    that ids go on growing on SQLite without a table that counts them.
    """

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
        constraints = [
            models.CheckConstraint(condition=Q(start__gte=EARLIEST, end__lte=FURTHEST), name="journal_time_is_sane")
        ]

    def __str__(self) -> str:
        return f"journal {self.pk}"

    @property
    def own(self) -> bool:
        return self.boot == OWN and self.seq is None


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


class Chunk(models.Model):
    """Samples or buckets of one server over a span of time, as one blob: see metrics.codec.

    Tier 0 holds samples of an hour, sealed from the journal part by part and merged into one when the hour
    is over; tiers 300 and 3600 hold buckets of so many seconds; part 1 is a day so far, which takes in its hours
    now and then. What has the higher part was stored later.
    """

    server = models.ForeignKey(Server, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    tier = models.IntegerField(help_text="0 for samples, else the seconds of a bucket.")
    span = models.BigIntegerField(help_text="Start of the hour, day or month, milliseconds.")
    part = models.BigIntegerField(help_text="Samples: the last journal row in it. Buckets: the hour, 0 for all.")
    start = models.BigIntegerField(help_text="First sample, milliseconds.")
    end = models.BigIntegerField(help_text="Last sample, milliseconds.")
    merged = models.BooleanField(default=False)
    data = models.BinaryField()
    objects: ClassVar[models.Manager[Chunk]]

    class Meta:
        # Time first: what is written together stands together, and so does what is deleted.
        constraints = [models.UniqueConstraint(fields=["tier", "span", "server", "part"], name="one_chunk_of_a_part")]
        indexes = [models.Index(fields=["span", "server"], condition=Q(merged=False, tier=0), name="chunks_to_merge")]

    def __str__(self) -> str:
        return f"chunk {self.tier}/{self.span} of {self.server_id}"


class FleetChunk(models.Model):
    """Buckets of one series for a block of 256 servers, as one blob.

    Tier 0 holds pieces of an hour that is not rolled up yet, tier 300 a day (so far: part 1), tier 3600 thirty
    days. What changes is written as a new row: under the same key of its own stands the same for ever.
    """

    series = models.ForeignKey(Series, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    tier = models.IntegerField()
    block = models.BigIntegerField(help_text="Server id // 256.")
    span = models.BigIntegerField()
    part = models.BigIntegerField(default=0, help_text="The seal that wrote a piece; 0 for what is made anew.")
    data = models.BinaryField()
    objects: ClassVar[models.Manager[FleetChunk]]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tier", "span", "series", "block", "part"], name="one_fleet_chunk_of_a_part"
            )
        ]

    def __str__(self) -> str:
        return f"fleet chunk {self.tier}/{self.span} of series {self.series_id}"


class Uses(models.Model):
    """From when to when a server reported by a layout, as far as its rows are sealed."""

    server = models.ForeignKey(Server, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    layout = models.ForeignKey(Layout, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    first = models.BigIntegerField(help_text="First sample, milliseconds.")
    last = models.BigIntegerField(help_text="Last sample, milliseconds.")
    judged = models.BigIntegerField(help_text="Last sample, or when it was received if that was earlier.")
    objects: ClassVar[models.Manager[Uses]]

    class Meta:
        constraints = [models.UniqueConstraint(fields=["server", "layout"], name="one_use_of_a_layout")]

    def __str__(self) -> str:
        return f"layout {self.layout_id} of server {self.server_id}"


class Dirty(models.Model):
    """Buckets by metric that must be made anew from those by server: an hour's or a day's of one block."""

    tier = models.IntegerField(help_text="0 for an hour, 300 for a day.")
    span = models.BigIntegerField()
    block = models.BigIntegerField()
    due = models.BigIntegerField(help_text="Milliseconds, our clock.")
    done = models.BigIntegerField(default=0, help_text="The last series that was made; the work goes on behind it.")
    turn = models.IntegerField(default=0, help_text="How often it was marked again meanwhile.")
    objects: ClassVar[models.Manager[Dirty]]

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tier", "span", "block"], name="one_mark_of_a_block")]

    def __str__(self) -> str:
        return f"dirty {self.tier}/{self.span} of block {self.block}"
