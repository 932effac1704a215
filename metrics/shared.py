"""What other web processes stored: each follows the journal, so that all know the same newest rows."""

from __future__ import annotations

import time

from metrics import journal
from metrics.latest import latest
from metrics.models import JournalRow

GROUP = 2000
FRESH = 5.0


class Follower:
    """Reads on in the journal; ids commit in order there, so that nothing is passed over."""

    def __init__(self) -> None:
        # Made before `latest` is mended from the same journal: what is read twice does no harm.
        self.place = JournalRow.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        self.read_at = time.monotonic()

    def step(self) -> bool:
        """Take over what is new; true when more may wait."""
        rows = list(journal.read(self.place, GROUP))
        for row in rows:
            latest.learn(row.server, row.layout, row.received, row.times, row.values)
            self.place = row.id
        self.read_at = time.monotonic()
        return bool(rows)

    def sure(self) -> bool:
        """Whether a server's silence is known, or only that we could not read on."""
        return time.monotonic() - self.read_at < FRESH
