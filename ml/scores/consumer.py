"""The consumer itself: reads the journal behind its cursor, judges once a tick, writes; one process at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from django.db import transaction

from core import live
from core.clock import milliseconds
from core.models import Cursor
from core.runner import Held, wake
from metrics import journal
from metrics.journal import Row
from metrics.models import JournalRow
from metrics.services import Overtaken, layout_of
from ml import hours
from ml.models import Watch
from ml.scores.book import Book, Known
from ml.scores.episodes import LIMIT, Episodes, told
from ml.scores.gather import Gather, Point
from ml.scores.outbox import COLUMNS, Outbox
from ml.stacked import Ticked

NAME = "scores"
GROUP = 2000
BACKLOG = 500
TICK = 5.0  # seconds: rows of a slot come spread over its ten, so every one is judged within two ticks
SWEEP_EVERY = 15.0
WARM = 600_000  # of the past is gone through at start, so that what was seen lately is known
MOST_WARM = 200_000
SAVE_EVERY = 60.0
WORD_EVERY = 10.0  # which metrics are to blame is told as often as this while a score is high
SILENT = 60.0
INTERVALS = 6
SLICE = 100  # rows of a transaction: SQLite's other writers get in between


_rang = [float("-inf")]


def soon() -> None:
    """Rows came: wake whoever judges, once a tick and not with every commit."""
    at = time.monotonic()
    if at - _rang[0] >= TICK:
        _rang[0] = at
        wake(NAME)


class Scorer:
    """Holds the lease, the models and what waits to be written; `step` judges what came since the last tick."""

    def __init__(self, owner: str = "") -> None:
        self.lease = Held(NAME, owner=owner) if owner else Held(NAME)
        self.monotonic: Callable[[], float] = time.monotonic
        self.wall: Callable[[], int] = milliseconds
        self.book = Book()
        self.gather = Gather()
        self.outbox = Outbox(self._looked_at)
        self.episodes = Episodes()
        self.place = self.saved = 0
        self.ticked = self.swept = self.noted = float("-inf")
        self.loaded = False
        self._topics: set[str] = set()
        self.judged = 0
        """Points, since the start."""

    def step(self) -> bool:
        """Read on, and judge when a tick is due; true when more may wait."""
        if not self.lease.ours():
            self.loaded = False
            return False
        if self.outbox.unsettled() or (self.loaded and self.monotonic() - self.ticked < TICK):
            return False
        try:
            return self._step()
        except Overtaken:
            # Another took over while we stood still: what is in memory is void.
            self.loaded, self.lease.renew_at = False, 0.0
            return False
        except Exception:
            self.loaded = False
            raise

    def end(self) -> None:
        """At a clean stop: write what waits, let another go on at once."""
        if self.lease.held and self.loaded:
            self.outbox.flush(self.lease.still, all_of_it=True)
            self._advance()
            self._note(every=True)
        self.lease.release()

    def _step(self) -> bool:
        if not self.loaded:
            self._load()
        rows = list(journal.read(self.place, GROUP))
        self._take(rows)
        more = len(rows) >= BACKLOG
        if not more:
            self.ticked = self.monotonic()
        self._tick()
        self.outbox.flush(self.lease.still)
        self._advance()
        self._word()
        if not more and self.monotonic() - self.swept >= SWEEP_EVERY:
            self._sweep()
        return more

    # Memory

    def _load(self) -> None:
        self.place = self.saved = Cursor.objects.start(NAME)
        for part in (self.gather, self.outbox):
            part.clear()
        self.book.forget()
        self.book.refresh({})
        self.episodes.load()
        self._mark()
        self._warm()
        self.swept = self.noted = self.monotonic()
        self.loaded = True

    def _mark(self) -> None:
        """What has a verdict keeps it, whoever gave it."""
        ours = layout_of(COLUMNS).id
        newest = JournalRow.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        for server, layout, at in journal.seeds(newest):
            known = self.book.known.get(server)
            if layout == ours and known is not None:
                known.mark = max(known.mark, at - at % known.tick_ms)

    def _warm(self) -> None:
        """Go through the last minutes without a word, so that the stack knows what came before."""
        first = JournalRow.objects.all().since(self.wall() - WARM).order_by("pk").values_list("pk", flat=True).first()
        place, gather = max((first or self.place + 1) - 1, self.place - MOST_WARM), Gather()
        marks = {one.server: one.mark for one in self.book.known.values()}
        for known in self.book.known.values():
            known.mark = 0
        while rows := list(journal.read(place, GROUP)):
            place = rows[-1].id
            gather.take(rows, self.book.known)
        for slot, points in gather.due():
            # What has no verdict yet and stands behind the cursor comes again in a moment.
            if told := [one for one in points if one.id <= self.place or slot <= marks[one.known.server]]:
                self._judge(slot, told)
        for known in self.book.known.values():
            known.mark = max(marks[known.server], known.mark)

    def _take(self, rows: list[Row]) -> None:
        at = self.monotonic()
        seen: dict[int, int] = {}
        for row in rows:
            if not row.own:
                seen.setdefault(row.server, int(row.times[0] if len(row.times) == 1 else row.times.min()))
        self.book.refresh(seen)
        for server in seen:
            if known := self.book.known.get(server):
                known.heard = at
        self.gather.take(rows, self.book.known)
        if rows:
            self.place = rows[-1].id

    def _looked_at(self, server: int) -> bool:
        if not self._topics:
            return False
        known = self.book.known.get(server)
        return known is not None and known.uuid in self._topics

    # Judging

    def _tick(self) -> None:
        self._topics = self._watched()
        for slot, points in self.gather.due():
            fresh = [point for point in points if slot > point.known.mark and point.known.judged]
            if fresh:
                self._told(fresh, self._judge(slot, fresh))

    def _judge(self, slot: int, points: list[Point]) -> Ticked:
        ticked = self.book.stack.tick(slot, [one.known.server for one in points], [one.values for one in points])
        for one in points:
            one.known.mark = slot
        self.judged += len(points)
        return ticked

    def _told(self, points: list[Point], ticked: Ticked) -> None:
        thresholds = np.array([one.known.threshold for one in points])
        scores = np.round(ticked.tail / thresholds, 4).tolist()
        rates = np.round(ticked.rate_percent, 2).tolist()
        for one, score, rate, tail, reasons in zip(
            points, scores, rates, ticked.tail.tolist(), ticked.top, strict=True
        ):
            if score != score:  # noqa: PLR0124 - NaN: too little of it was measured to say anything
                continue
            known = one.known
            hours.raise_to(known.hours, one.at, tail)
            known.why = (one.at, reasons) if score >= Watch.WORDED else None
            if (over := score >= LIMIT) != known.over:  # that is told at once
                known.over, known.worded = over, float("-inf")
            if not known.full:
                known.told = (score, rate, one.at)
                continue
            self.outbox.take(known.server, one.id, one.at, score, rate)
            if score >= LIMIT or known.server in self.episodes.open:
                self.episodes.take(known, one.at, score, reasons)

    # Writing

    def _advance(self) -> None:
        """Up to what is written; what waits is read again should we be killed."""
        waits = self.outbox.first()
        place = self.place if waits is None else min(self.place, waits - 1)
        if place > self.saved:
            if not Cursor.objects.advance(NAME, self.saved, place):
                raise Overtaken
            self.saved = place

    # Time

    def _sweep(self) -> None:
        self.swept = at = self.monotonic()
        known = self.book.known.values()
        changed = [one for one in known if one.silent != self._silent(one, at)]
        if changed:
            with transaction.atomic():
                self._fence()
                for one in changed:
                    one.silent = not one.silent
                    Watch.objects.filter(server=one.server).update(silent=one.silent)
                self.book.returned([one.server for one in changed if not one.silent and not one.version])
        self.episodes.pass_time(self.wall(), {one.server for one in known if one.silent or one.paused})
        if at - self.noted >= SAVE_EVERY:
            self._note()

    def _silent(self, one: Known, at: float) -> bool:
        """Its agent says nothing. That is unusual by itself, and whoever is to be told is told by another rule."""
        return not one.paused and at - one.heard > max(SILENT, INTERVALS * one.interval_ms / 1000)

    def _word(self) -> None:
        """Of those that are unusual now: which metrics are to blame, for whoever asks, in whichever process."""
        at = self.monotonic()
        high = [one for one in self.book.known.values() if one.why is not None and at - one.worded >= WORD_EVERY]
        if not high:
            return
        high.sort(key=lambda one: one.worded)
        with transaction.atomic():
            self._fence()
            for one in high[:SLICE]:
                self._word_one(one)
                one.worded, one.why = at, None  # until it is judged again

    @staticmethod
    def _word_one(one: Known) -> None:
        at, reasons = one.why or (0, ())
        fields: dict[str, Any] = {"top": told(one.columns, reasons), "top_at": at}
        if one.told is not None:
            fields |= dict(zip(("score", "rate", "at"), one.told, strict=True))
        Watch.objects.filter(server=one.server).update(**fields)

    def _note(self, *, every: bool = False) -> None:
        """What is kept beside servers: of those that are learnt the last score, of all the maxima of hours."""
        self.noted = self.monotonic()
        hour = self.wall() // hours.HOUR
        learnt = [one for one in self.book.known.values() if one.told is not None]
        turned = [one for one in self.book.known.values() if one.hours and (every or one.hours_at != hour)]
        for place in range(0, max(len(learnt), len(turned)), SLICE):
            with transaction.atomic():
                self._fence()
                self._note_some(learnt[place : place + SLICE], turned[place : place + SLICE])
        for one in turned:
            one.hours_at = hour

    def _note_some(self, learnt: list[Known], turned: list[Known]) -> None:
        for one in learnt:
            score, rate, at = one.told or (0.0, 0.0, 0)
            Watch.objects.filter(server=one.server).update(score=score, rate=rate, at=at)
            one.told = None
        for one in turned:
            # A new model brings maxima of its own.
            mine = Watch.objects.filter(server=one.server, version=one.version or None)
            mine.update(maxima=hours.pack(one.hours))

    def _fence(self) -> None:
        if not self.lease.still():
            raise Overtaken

    def _watched(self) -> set[str]:
        """Servers of which somebody looks at the page."""
        if not live.anybody():
            return set()
        return {one.uuid for one in self.book.known.values() if one.version and live.watched(f"server.{one.uuid}")}
