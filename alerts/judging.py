"""The consumer "rules": reads the journal behind its cursor, judges, moves alerts; one process at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import chain
from typing import get_args

from django.db import transaction

from alerts import engine, joined, services
from alerts.absence import Absence, last_received, newest_reports
from alerts.compiled import Book, Compiled
from alerts.engine import Track
from alerts.inner import Inner
from alerts.kinds.base import WHEN_SAMPLED
from alerts.kinds.composite import CONDITION
from alerts.kinds.no_data import SILENCE
from alerts.messages import severity_level
from alerts.models import Alert
from alerts.remembered import Memory
from alerts.services import faults, moves
from alerts.services.moves import Change
from alerts.sieve import Candidate, Key, Marks, Sifted, sift, sift_blocks
from alerts.troubled import Troubled
from core import apart, runner
from core.clock import from_milliseconds, milliseconds
from core.locking import settle
from core.models import Cursor
from core.runner import Held
from metrics import journal
from metrics.models import Series
from metrics.store import parse

NAME = "rules"
GROUP = 2000
# A read ends early by its bytes too, but never below this; with fewer rows nothing waits, and asking costs a query.
BACKLOG = 10
SAVE_EVERY = 1.0
LOOK_EVERY = 1.0  # at what time alone changes of single series
SWEEP_EVERY = 5.0  # at who is silent
PASSED_OVER = 60.0  # until what could not be written down is tried again
# A storm is judged in slices: each is one transaction, and SQLite's other writers get in between.
MOST_HOT = 100
SLICE = 200
BREATH = 0.03


class Overtaken(Exception):
    """The cursor is not where we left it: another process judged on; what stands in memory is void."""


def _always() -> bool:
    return True


class Judge:
    """Holds the lease, the rules and the open tracks; `step` does what the journal has, and what time alone does."""

    def __init__(self, well: Callable[[], bool] = _always) -> None:
        self.well = well
        """Whether posts can be stored: while they cannot, nobody's silence is his own."""
        self.lease = Held(NAME)
        self.book = Book()
        self.rules_changed = runner.flag(services.RULES_CHANGED)
        self.alerts_changed = runner.flag(services.ALERTS_CHANGED)
        self.monotonic: Callable[[], float] = time.monotonic
        self.wall: Callable[[], int] = milliseconds
        self.place = 0
        self.saved = 0
        self.saved_at = self.looked_at = self.swept_at = float("-inf")
        self.tracks: dict[Key, Track] = {}
        self.heard: dict[Key, float] = {}
        """When the newest sample of an open track was seen, on the monotonic clock."""
        self.names: dict[int, tuple[str, dict[str, str]]] = {}
        self.marks = Marks()
        self.memory, self.inner, self.troubled = Memory(), Inner(), Troubled(self.book)
        self.passed: dict[Key, float] = {}
        """Alerts that could not be moved, and until when they are passed over; the others go on."""
        self.odd: set[Key] = set()
        """Those of which people were told so."""
        self.missed = False
        """An alert was not open though it stood in memory, and all was read anew for it."""
        self.absence: Absence
        self.loaded, self.fresh = False, True

    def step(self) -> bool:
        """Judge one group of journal rows; true when more may wait."""
        if not self.lease.ours():
            self.loaded, self.fresh = False, True
            return False
        try:
            return self._step()
        except (Overtaken, Alert.DoesNotExist) as fault:
            # Another process, or a person who closed an alert: read what is true now, then judge these rows anew.
            self.missed, self.loaded = isinstance(fault, Alert.DoesNotExist), False
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
        if self.passed and min(self.passed.values()) <= self.monotonic():
            self.passed, self.loaded = {}, False  # what they are now stands in their rows
        if not self.loaded:
            self._load()
        elif self.alerts_changed.is_set():
            self._load_tracks()
        rows = list(journal.read(self.place, GROUP))
        self._read_rules(rows)
        if rows:
            self._judge(rows)
            self._told(rows)
        more = len(rows) >= BACKLOG
        if not more and self.monotonic() - self.looked_at >= LOOK_EVERY:
            self._pass_time()
        if self.saved != self.place and self.monotonic() - self.saved_at >= SAVE_EVERY:
            self._advance(self.place)
        self.missed = False
        return more

    # Memory

    def _load(self) -> None:
        self.place = self.saved = Cursor.objects.start(NAME)
        self.marks = Marks(journal.seeds(self.place))
        self.pseudo = {
            metric: Series.objects.get_or_create(metric=metric, labels="")[0].pk for metric in (SILENCE, CONDITION)
        }
        if self.fresh:
            self._begin()
        self._load_tracks()
        self.troubled.load()
        self.odd = faults.still_unwritten()
        self.book.forget()
        self.loaded = True

    def _begin(self) -> None:
        """Another judged until now, or nobody did: who reports is read anew, and how long we all were away."""
        self.absence = Absence(self.book, self.tracks, self.pseudo[SILENCE])
        watch = self.absence.watch
        watch.monotonic, watch.wall = self.monotonic, lambda: self.wall() / 1000
        self.absence.reports = newest_reports()
        watch.begin(self.absence.reports, last_received(self.wall()))
        self.heard.clear()
        self.swept_at, self.fresh = self.monotonic(), False

    def _load_tracks(self) -> None:
        self.alerts_changed.clear()
        self.tracks.clear()
        apart.each(Alert.objects.open().select_related("series"), self._hold, "An open alert")
        at = self.monotonic()
        self.heard = {key: self.heard.get(key, at) for key in self.tracks}

    def _hold(self, alert: Alert) -> None:
        self.names.setdefault(alert.series_id, (alert.series.metric, alert.labels))
        self.tracks[alert.rule_id, alert.server_id, alert.series_id] = track_of(alert)

    def _read_rules(self, rows: list[journal.Row]) -> None:
        """A row is judged by the rules that stood when it came: a changed rule, a new server are read first."""
        rules = self.rules_changed.is_set()
        strange = any(row.server not in self.book.servers for row in rows)
        self.rules_changed.clear()
        try:
            if self.book.refresh(now=strange, rules=rules):
                self.memory.forget(set(self.book.rules))
                self._mark_broken()
                self._drop_strays()
        except Exception:
            self.book.forget()
            raise

    # Samples

    def _judge(self, rows: list[journal.Row]) -> None:
        sifted = sift(rows, self.book, self.tracks, self.memory)
        if sifted.hot > MOST_HOT and len(rows) > 1:
            half = len(rows) // 2
            self._judge(rows[:half])
            time.sleep(BREATH)
            self._judge(rows[half:])
            return
        self._commit(list(self._moves(sifted)), rows[-1].id)
        self.marks.move(sifted.blocks)
        self.place = rows[-1].id

    def _moves(self, sifted: Sifted) -> Iterator[Change]:
        before = len(self.tracks)
        changed = False
        for one in sifted.candidates:
            track = self.tracks.get(one.key)
            if track is None and one.at <= self.marks.get(*one.key[1:]):
                continue
            for change in self._move(one, track or Track()):
                changed = True
                yield change
        if changed or len(self.tracks) != before:
            yield from joined.look(self.book, self.tracks, self.pseudo[CONDITION], self.wall())

    def _move(self, one: Candidate, before: Track) -> Iterator[Change]:
        if one.rule.by_gap:
            yield from self.absence.ended(one.key, one.rule, self.wall())
            return
        for _, after in engine.until(before, one.at, one.rule.limits, self._usual(one.key)):
            yield from self._stand(one.key, one.rule, before, after)
            before = after
        after = engine.step(before, one.at, one.value, one.rule.limits)
        if after == before:
            return
        self.heard[one.key] = self.monotonic()
        if after.state == "ok":
            self.marks.end(one.key[1], one.key[2], one.at)
        yield from self._stand(one.key, one.rule, before, after)

    def _stand(self, key: Key, rule: Compiled, before: Track, after: Track) -> Iterator[Change]:
        if after.state == "ok":
            self.tracks.pop(key, None)
            self.heard.pop(key, None)
        else:
            self.tracks[key] = after
        if (after.state, after.severity) != (before.state, before.severity):
            yield Change(key, before, after, rule.limits)

    def _usual(self, key: Key) -> int:
        return self.inner.every(key[2]) or 1000 * self.book.fleet.interval(key[1])

    def _told(self, rows: list[journal.Row]) -> None:
        """Who posts is heard, whatever the samples are: a silence ends at once. What we found out says nothing."""
        rows = [row for row in rows if not row.own]
        for row in rows:
            known = self.absence.reports.get(row.server, (0, 0))
            self.absence.reports[row.server] = max(known[0], row.received), max(known[1], int(row.times.max()))
        self.inner.take(rows)
        self._commit(list(self.absence.back((row.server for row in rows), self.wall())))

    # Time

    def _pass_time(self) -> None:
        """What changes though no sample comes: a `for` or a hold that ends, a silence that begins."""
        self.looked_at = at = self.monotonic()
        changes = [] if self.absence.watch.away() else list(self._waited(at))
        if at - self.swept_at >= SWEEP_EVERY:
            changes += self._sweep(at)
        self._commit(changes)
        self.troubled.look(self.marks, at, self.wall())

    def _waited(self, at: float) -> Iterator[Change]:
        for key, track in list(self.tracks.items()):
            rule = self.book.rules.get(key[0])
            if rule is None or rule.when != WHEN_SAMPLED:
                continue
            moment = track.judged + int(1000 * (at - self.heard.get(key, at)))
            before = track
            for _, after in engine.until(track, moment, rule.limits, self._usual(key)):
                yield from self._stand(key, rule, before, after)
                before = after

    def _sweep(self, at: float) -> list[Change]:
        self.swept_at, wall = at, self.wall()
        for gone in self.absence.reports.keys() - self.book.servers.keys():
            del self.absence.reports[gone]
        self.absence.watch.step(self.absence.reports, well=self.well())
        silent = chain(self.absence.look(wall), self.absence.of_metrics(self.marks, wall))
        changes = list(silent)
        if self.inner.due(at) and (block := self.inner.block(self.book, wall, at)):
            changes += self._moves(sift_blocks([block], self.tracks))
            self.marks.move([block])
        return changes + list(joined.look(self.book, self.tracks, self.pseudo[CONDITION], wall))

    # Writing

    def _commit(self, changes: list[Change], place: int | None = None) -> None:
        """What came of samples goes together with the place up to which they were read."""
        changes = [one for one in changes if one.key not in self.passed]
        size = len(changes) if place is not None else SLICE
        for begin in range(0, len(changes), max(1, size)):
            with transaction.atomic():
                self._fence()
                if place is not None:
                    self._advance(place)
                self._apply(changes[begin : begin + size])

    def _apply(self, changes: list[Change]) -> None:
        """All in the order of time; where that fails each alert by itself, so that an odd one stops no other."""
        now = from_milliseconds(self.wall())
        keys = list(dict.fromkeys(one.key for one in changes))

        def move(some: list[Key]) -> None:
            meant = set(some)
            with transaction.atomic():
                moves.apply([one for one in changes if one.key in meant], now)
                settle()

        closed = () if self.missed else (Alert.DoesNotExist,)
        odd = set(apart.together(keys, move, "An alert", down=(*apart.DOWN, *closed)))
        self.passed.update(dict.fromkeys(odd, self.monotonic() + PASSED_OVER))
        if news := odd - self.odd:
            faults.unwritten(news, now)
        if mended := self.odd.intersection(keys) - odd:
            faults.written(mended, now)
        self.odd = self.odd.difference(keys) | odd

    def _fence(self) -> None:
        """Time moves no cursor: what it changes is ours to write only while the lease is."""
        if not self.lease.still():
            raise Overtaken

    def _advance(self, place: int) -> None:
        """The fence: the cursor moves from where we left it, or somebody else judged and we must not."""
        if place != self.saved and not Cursor.objects.advance(NAME, self.saved, place):
            raise Overtaken
        self.saved, self.saved_at = place, self.monotonic()

    def _drop_strays(self) -> None:
        """Alerts whose rule was changed, so that it no longer speaks of their series, end."""
        stray = {key for key in self.tracks if self._stray(*key)}
        if not stray:
            return
        open_ = Alert.objects.open().filter(rule__in={rule for rule, _, _ in stray})
        found = open_.values_list("pk", "rule_id", "server_id", "series_id")
        now = from_milliseconds(self.wall())

        def end(some: list[int]) -> None:
            ended = Alert.objects.open().filter(pk__in=some)
            moves.end(ended, lambda alert: f"{alert.server.name}: {alert.rule.name} no longer watches this.", now)

        apart.together([pk for pk, *key in found if tuple(key) in stray], end, "An alert that ends")
        self._load_tracks()

    def _mark_broken(self) -> None:
        """What a rule began that cannot be judged any more is neither true nor false: it stays, and says so."""
        if any(key[0] in self.book.broken and track.state != "error" for key, track in self.tracks.items()):
            shown = Alert.objects.open().filter(rule__in=self.book.broken).exclude(state__in=("pending", "error"))
            if shown.update(state="error"):
                self._load_tracks()

    def _stray(self, rule: int, server: int, series: int) -> bool:
        """A rule that cannot be judged now ends nothing."""
        found = self.book.rules.get(rule)
        if found is None:
            return rule not in self.book.broken
        name = self.names.get(series)
        if name is None:
            one = Series.objects.get(pk=series)
            name = self.names[series] = (one.metric, dict(parse(f"{one.metric}{one.labels}")[1]))
        return not found.speaks_of(server, *name)


def track_of(alert: Alert) -> Track:
    """An unknown state can only come from elsewhere; taken for firing, the next good sample ends it."""
    state: engine.State = alert.state if alert.state in get_args(engine.State) else "firing"  # type: ignore[assignment]
    level = severity_level(alert.severity)
    return Track(state, level, alert.since, alert.good_since, alert.judged, alert.value)
