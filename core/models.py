"""The two tables of the house itself: who holds a job, and how far a consumer has read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from core.clock import now
from core.managers import managed

CLOCK_WAS_AHEAD = timedelta(minutes=10)


class LeaseQuerySet(models.QuerySet["Lease"]):
    def take(self, name: str, owner: str, now: datetime, seconds: float) -> bool:
        """Hold a job for a while; true when it is ours (again), false while another holds it."""
        until = now + timedelta(seconds=seconds)
        # One that was taken while a clock was far ahead must not hold everybody up until then.
        free = Q(owner=owner) | Q(until__lt=now) | Q(until__gt=until + CLOCK_WAS_AHEAD)
        if self.filter(free, name=name).update(owner=owner, until=until):
            return True
        self.bulk_create([Lease(name=name, owner=owner, until=until)], ignore_conflicts=True)
        return self.filter(name=name, owner=owner).exists()

    def release(self, name: str, owner: str) -> None:
        self.filter(name=name, owner=owner).delete()


class Lease(models.Model):
    """A job that one process at a time may do."""

    name = models.CharField(max_length=100, primary_key=True)
    owner = models.CharField(max_length=64)
    until = models.DateTimeField()
    objects: ClassVar[LeaseQuerySet] = managed(LeaseQuerySet)

    def __str__(self) -> str:
        return f"{self.name} held by {self.owner}"


class CursorQuerySet(models.QuerySet["Cursor"]):
    def place(self, name: str) -> int:
        return self.filter(name=name).values_list("place", flat=True).first() or 0

    def start(self, name: str) -> int:
        """The place to go on from; the row is made at the first start."""
        return self.get_or_create(name=name)[0].place

    def advance(self, name: str, before: int, after: int) -> bool:
        """Move on from where the consumer left it; false when a twin has moved it meanwhile."""
        return bool(self.filter(name=name, place=before).update(place=after))

    def pass_over(self, name: str, before: int, after: int, rows: int) -> bool:
        """Let a consumer go on without rows that it did not read; false when it moved meanwhile."""
        mine = self.filter(name=name, place=before)
        return bool(mine.update(place=after, lost=F("lost") + rows, lost_at=now()))


class Cursor(models.Model):
    """How far a consumer has read the journal."""

    name = models.CharField(max_length=100, primary_key=True)
    place = models.BigIntegerField(default=0)
    # The database knows these defaults, too: `restore` writes a row into whatever version a backup is of.
    may_lose = models.BooleanField(
        default=False, db_default=False, help_text="Whether it may go on without rows that wait too long."
    )
    lost = models.BigIntegerField(
        default=0, db_default=0, help_text="Rows that it went on without, as it read no more."
    )
    lost_at = models.DateTimeField(null=True, blank=True)
    objects: ClassVar[CursorQuerySet] = managed(CursorQuerySet)

    def __str__(self) -> str:
        return f"{self.name} at {self.place}"
