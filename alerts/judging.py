"""The consumer "rules": reads the journal behind its cursor, judges, moves alerts; one process at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction

from alerts import engine, services
from alerts.compiled import Book, Compiled
from alerts.engine import Track
from alerts.messages import severity_level
from alerts.models import Alert
from alerts.sieve import Candidate, Key, Marks, Sifted, sift
from core import runner
from core.clock import now
from core.models import Cursor
from core.runner import Held
from metrics import journal

NAME = "rules"
GROUP = 2000
# A read ends early by its bytes too, but never below this; with fewer rows nothing waits, and asking costs a query.
BACKLOG = 10
SAVE_EVERY = 1.0
# A storm is judged in slices: each is one transaction, and SQLite's other writers get in between.
MOST_HOT = 100
BREATH = 0.03


class Overtaken(Exception):
    """The cursor is not where we left it: another process judged on; what stands in memory is void."""


@dataclass(slots=True)
class Move:
    """One sample that changed where a rule stands on a series."""

    key: Key
    rule: Compiled
    before: Track
    after: Track


class Judge:
    """Holds the lease, the rules and the open tracks; `step` does what the journal has."""

    def __init__(self) -> None:
        self.lease = Held(NAME)
        self.book = Book()
        self.rules_changed = runner.flag(services.RULES_CHANGED)
        self.alerts_changed = runner.flag(services.ALERTS_CHANGED)
        self.place = 0
        self.saved = 0
        self.saved_at = time.monotonic()
        self.tracks: dict[Key, Track] = {}
        self.marks = Marks()
        self.loaded = False

    def step(self) -> bool:
        """Judge one group of journal rows; true when more may wait."""
        if not self.lease.ours():
            self.loaded = False
            return False
        try:
            return self._step()
        except (Overtaken, Alert.DoesNotExist):
            # Another process, or a person who closed an alert: read what is true now, then judge these rows anew.
            self.loaded = False
            return True
        except Exception:
            # What stands in memory may be ahead of what was rolled back.
            self.loaded = False
            raise

    def end(self) -> None:
        """At a clean stop: remember the place, let another process go on at once."""
        if self.lease.held and self.loaded:
            self._advance(self.place)
        self.lease.release()

    def _step(self) -> bool:
        if not self.loaded:
            self._load()
        elif self.alerts_changed.is_set():
            self._load_tracks()
        rows = list(journal.read(self.place, GROUP))
        self._read_rules(rows)
        if rows:
            self._judge(rows)
        if self.saved != self.place and time.monotonic() - self.saved_at >= SAVE_EVERY:
            self._advance(self.place)
        return len(rows) >= BACKLOG

    def _load(self) -> None:
        self.place = self.saved = Cursor.objects.start(NAME)
        self.marks = Marks(journal.seeds(self.place))
        self._load_tracks()
        self.book.forget()
        self.loaded = True

    def _load_tracks(self) -> None:
        self.alerts_changed.clear()
        self.tracks = {
            (alert.rule_id, alert.server_id, alert.series_id): track_of(alert) for alert in Alert.objects.open()
        }

    def _read_rules(self, rows: list[journal.Row]) -> None:
        """A row is judged by the rules that stood when it came: a changed rule, a new server are read first."""
        told = self.rules_changed.is_set() or any(row.server not in self.book.servers for row in rows)
        self.rules_changed.clear()
        try:
            if self.book.refresh(now=told):
                self._drop_strays()
        except Exception:
            self.book.forget()
            raise

    def _judge(self, rows: list[journal.Row]) -> None:
        sifted = sift(rows, self.book, self.tracks)
        if sifted.hot > MOST_HOT and len(rows) > 1:
            half = len(rows) // 2
            self._judge(rows[:half])
            time.sleep(BREATH)
            self._judge(rows[half:])
            return
        moves = list(self._moves(sifted))
        last = rows[-1].id
        if moves:
            with transaction.atomic():
                self._advance(last)
                for move in moves:
                    self._apply(move)
        self.marks.move(sifted.blocks)
        self.place = last

    def _moves(self, sifted: Sifted) -> Iterator[Move]:
        for one in sifted.candidates:
            before = self.tracks.get(one.key)
            if before is None and one.at <= self.marks.get(*one.key[1:]):
                continue
            yield from self._move(one, before or Track())

    def _move(self, one: Candidate, before: Track) -> Iterator[Move]:
        after = engine.step(before, one.at, one.value, one.rule.limits)
        if after == before:
            return
        if after.state == "ok":
            self.tracks.pop(one.key, None)
            self.marks.end(one.key[1], one.key[2], one.at)
        else:
            self.tracks[one.key] = after
        if (after.state, after.severity) != (before.state, before.severity):
            yield Move(one.key, one.rule, before, after)

    def _apply(self, move: Move) -> None:
        rule, server, series = move.key
        limits = move.rule.limits
        at = now()
        if move.before.state == "ok":
            alert = services.open_pending(rule, server, series, move.after, limits)
        else:
            alert = _open_alert(move.key)
        if move.after.state == "ok":
            services.resolve(alert, move.after, at)
        elif move.after.state == "firing" and _news(move):
            services.fire(alert, move.after, limits, at)
        else:
            services.keep(alert, move.after, limits)

    def _drop_strays(self) -> None:
        """Alerts whose rule was changed, so that it no longer speaks of their series, end."""
        chosen = Alert.objects.open().select_related("rule__team", "server", "series", "incident")
        with transaction.atomic():
            for alert in chosen.select_for_update(of=("self",)):
                rule = self.book.rules.get(alert.rule_id)
                if rule is None or not rule.speaks_of(alert.server_id, alert.series.metric, alert.labels):
                    text = f"{alert.server.name}: {alert.rule.name} no longer watches this."
                    services.resolve(alert, track_of(alert), now(), text=text)
        self._load_tracks()

    def _advance(self, place: int) -> None:
        """The fence: the cursor moves from where we left it, or somebody else judged and we must not."""
        if place != self.saved and not Cursor.objects.advance(NAME, self.saved, place):
            raise Overtaken
        self.saved, self.saved_at = place, time.monotonic()


def _news(move: Move) -> bool:
    return move.before.state in {"ok", "pending"} or move.after.severity > move.before.severity


def _open_alert(key: Key) -> Alert:
    rule, server, series = key
    chosen = Alert.objects.open().select_related("rule__team", "server", "series", "incident")
    return chosen.select_for_update(of=("self",)).get(rule=rule, server=server, series=series)


def track_of(alert: Alert) -> Track:
    state: engine.State = alert.state  # type: ignore[assignment]
    level = severity_level(alert.severity)
    return Track(state, level, alert.since, alert.good_since, alert.judged, alert.value)
