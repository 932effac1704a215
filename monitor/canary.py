"""The canary: a sample of our own that goes the whole road each quarter of a minute and is read back."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from django.db.models import Max

from accounts.models import Team
from core.clock import milliseconds
from core.models import Cursor
from ingest import writer
from metrics.models import JournalRow
from metrics.store import DatabaseStore
from servers.models import Server

COLUMN = "canary"
NAME = "watchkeeper itself"
BACK = 120_000  # milliseconds that are looked back for it


@dataclass(frozen=True, slots=True)
class Flown:
    """What is known of the newest canary; empty texts are good news."""

    store: str = ""
    rules: str = ""


class Canary:
    """Written through the journal's writer, read by the store's questions, passed by the rules."""

    def __init__(self) -> None:
        self.count = 0
        self.row = 0
        self.sent_at: float | None = None

    def send(self) -> str:
        """Write one; why it could not be, if so."""
        held = writer.running()
        if held is None:
            return "The writer of the journal is not running: nothing can be taken in."
        server = perch()
        if server is None:
            return ""  # no team yet, so nobody to watch for
        self.count += 1
        at = np.array([milliseconds()], np.int64)
        try:
            DatabaseStore(held.put).append(server.pk, [COLUMN], at, np.array([[float(self.count)]]))
        except Exception as error:  # noqa: BLE001 - whatever it was, it would have happened to a machine's post
            return f"A sample of ours could not be stored: {error.__class__.__name__}."
        self.row = JournalRow.objects.aggregate(last=Max("pk"))["last"] or 0
        self.sent_at = time.monotonic()
        return ""

    def look(self) -> Flown:
        """Whether the last one can be read back, and whether the rules have come past it."""
        if self.sent_at is None:
            return Flown()
        return Flown(self._stored(), self._judged())

    def _stored(self) -> str:
        server = perch()
        if server is None:
            return ""
        store, now = DatabaseStore(), milliseconds()
        named = store.series(server.pk, [COLUMN], now - BACK, now + BACK)
        lines = store.range(server.pk, named, now - BACK, now + BACK)
        newest = max((float(line.mean[-1]) for line in lines.values() if len(line.mean)), default=0.0)
        if newest >= self.count:
            return ""
        return "A sample of ours was taken in and cannot be read back."

    def _judged(self) -> str:
        place = Cursor.objects.place("rules")
        if place >= self.row:
            return ""
        return "The rules do not come after what is taken in: alerts are late."


def perch() -> Server | None:
    """The server that stands for the product itself: seen by nobody, judged by no rule."""
    team = Team.objects.order_by("pk").first()
    if team is None:
        return None
    made, _ = Server.objects.get_or_create(
        internal=True,
        stands_for="",
        defaults={"team": team, "number": 0, "name": NAME, "hostname": NAME, "fingerprint": "itself"},
    )
    return made
