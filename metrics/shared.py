"""What other web processes stored: each follows the journal, so that all know the same newest rows."""

from __future__ import annotations

import time

from core.models import Cursor
from metrics import journal, recent
from metrics.latest import latest

GROUP = 2000
FRESH = 5.0


class Follower:
    """Reads on in the journal; ids commit in order there, so that nothing is passed over."""

    def __init__(self) -> None:
        # Made before `latest` is mended from the same journal: what is read twice does no harm.
        self.place = self.sealed = self.filled = recent.fill()
        self.read_at = time.monotonic()

    def step(self) -> bool:
        """Take over what is new; true when more may wait."""
        self._keep_up()
        rows = list(journal.read(self.place, GROUP))
        for row in rows:
            learn = latest.take_own if row.own else latest.learn
            learn(row.server, row.layout, row.received, row.times, row.values)
        if rows:
            recent.take([row for row in rows if row.id > self.filled])
            self.place = rows[-1].id
        self.read_at = time.monotonic()
        return bool(rows)

    def _keep_up(self) -> None:
        sealed = Cursor.objects.place(recent.SEALED)
        if sealed > self.place:  # we were away for so long that rows went which we never saw
            latest.refresh()
            # What is filled is not learnt: the rows behind the seal are read once more, as they are not flushed yet.
            self.filled, self.place = recent.fill(), sealed
        elif sealed > self.sealed:
            self.filled = max(self.filled, recent.keep_up())
        self.sealed = sealed

    def sure(self) -> bool:
        """Whether a server's silence is known, or only that we could not read on."""
        return time.monotonic() - self.read_at < FRESH
