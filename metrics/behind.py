"""Who reads the journal, and how far: nothing is sealed that one of them has not read.

Consumers that must see every row hold the journal up for as long as it takes. Those that learn from many rows
lose the oldest instead, so that a fault of theirs does not fill the disk.
"""

from __future__ import annotations

import logging
import time

from core.models import Cursor
from metrics import recent
from metrics.models import JournalRow

log = logging.getLogger(__name__)

SEALED = recent.SEALED
SEALING = "sealing"
OURS = (SEALED, SEALING)
STUCK = 900_000
KEPT = 3_600_000  # of what one that may lose has not read
MOST_KEPT = KEPT + 300_000  # so that it is cut in pieces worth a word, not row by row
GRACE = 300.0  # seconds: after a pause of all of us everybody may catch up first
TOLD_EVERY = 60.0


def consumers() -> dict[str, int]:
    """How far each reader of the journal has come; nothing is sealed that one of them has not read."""
    return dict(Cursor.objects.exclude(name__in=OURS).values_list("name", "place"))


def stuck(at: int) -> dict[str, float]:
    """Consumers that leave rows unread for long, and for how many seconds: the journal grows behind them."""
    found = {}
    for name, place in consumers().items():
        received = _unread(place)
        if received is not None and at - received > STUCK:
            found[name] = (at - received) / 1000
    return found


def _unread(place: int) -> int | None:
    """When the first row behind this place was received."""
    return JournalRow.objects.filter(pk__gt=place).order_by("pk").values_list("received", flat=True).first()


class Patience:
    """What this process has seen of those that are behind: since when, and when that was told last."""

    def __init__(self) -> None:
        self.told = float("-inf")
        self.late: dict[str, float] = {}

    def look(self, at: int) -> None:
        """Tell who reads no more, and let go what he has not read for too long."""
        for row in Cursor.objects.filter(may_lose=True):
            self._cut(row, at)
        if time.monotonic() - self.told > TOLD_EVERY and (found := stuck(at)):
            self.told = time.monotonic()
            for name, seconds in found.items():
                log.warning("%s has not read the journal for %d s; nothing is sealed behind it", name, seconds)

    def _cut(self, row: Cursor, at: int) -> None:
        first = _unread(row.place)
        if first is None or at - first <= MOST_KEPT:
            self.late.pop(row.name, None)
            return
        if time.monotonic() - self.late.setdefault(row.name, time.monotonic()) < GRACE:
            return
        behind = JournalRow.objects.filter(pk__gt=row.place)
        # Rows are received in the order of their ids, but for a clock that was set: the first young one ends it.
        young = behind.filter(received__gte=at - KEPT).order_by("pk").values_list("pk", flat=True).first()
        last = young - 1 if young is not None else behind.order_by("-pk").values_list("pk", flat=True)[0]
        rows = behind.filter(pk__lte=last).count()
        if Cursor.objects.pass_over(row.name, row.place, last, rows):
            log.warning("%s did not read %d rows of the journal for an hour; they are lost to it", row.name, rows)


patience = Patience()
