"""The consumer "rules": reads the journal behind its cursor, judges, moves alerts; one process at a time."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from alerts import engine, services
from alerts.compiled import Book, Compiled, Plan
from alerts.engine import Track
from alerts.messages import severity_level
from alerts.models import Alert
from core import runner
from core.clock import now
from core.models import Cursor
from core.runner import Held
from metrics import journal

NAME = "rules"
GROUP = 2000
SAVE_EVERY = 1.0

Key = tuple[int, int, int]  # rule, server, series
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


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
        self.changed = runner.flag(services.RULES_CHANGED)
        self.place = 0
        self.saved = (0, time.monotonic())
        self.tracks: dict[Key, Track] = {}
        self.judged: dict[int, int] = {}
        self.loaded = False

    def step(self) -> bool:
        """Judge one group of journal rows; true when more may wait."""
        if not self.lease.ours():
            self.loaded = False
            return False
        if not self.loaded:
            self._load()
        rows = list(journal.read(self.place, GROUP))
        self._read_rules(rows)
        if rows:
            try:
                self._judge(rows)
            except Alert.DoesNotExist:
                # A person closed the alert meanwhile: read what is open again, then judge these rows anew.
                self.loaded = False
                return True
            except Exception:
                # What stands in memory may be ahead of what was rolled back.
                self.loaded = False
                raise
        self._save()
        return len(rows) == GROUP

    def _read_rules(self, rows: list[journal.Row]) -> None:
        """A row is judged by the rules that stood when it came: a changed rule, a new server are read first."""
        now_ = self.changed.is_set() or any(row.server not in self.book.servers for row in rows)
        self.changed.clear()
        if self.book.refresh(now=now_):
            self._drop_strays()

    def end(self) -> None:
        """At a clean stop: remember the place, let another process go on at once."""
        if self.lease.held and self.loaded:
            Cursor.objects.move(NAME, self.place)
        self.lease.release()

    def _load(self) -> None:
        self.place = Cursor.objects.place(NAME)
        self.saved = (self.place, time.monotonic())
        self.tracks = {}
        for alert in Alert.objects.open():
            self._keep((alert.rule_id, alert.server_id, alert.series_id), track_of(alert))
        self.judged = journal.newest_before(self.place)
        self.loaded = True

    def _keep(self, key: Key, track: Track) -> None:
        if track.state == "ok":
            self.tracks.pop(key, None)
        else:
            self.tracks[key] = track

    def _judge(self, rows: list[journal.Row]) -> None:
        moves: list[Move] = []
        with transaction.atomic():
            for group in _by_layout(rows):
                for move in self._moves(group):
                    self._apply(move)
                    moves.append(move)
            if moves:
                Cursor.objects.move(NAME, rows[-1].id)
        if moves:
            self.saved = (rows[-1].id, time.monotonic())
        self.place = rows[-1].id

    def _moves(self, rows: list[journal.Row]) -> Iterator[Move]:
        """Sieve a layout's rows by column, then step through the few that matter in the order of their time."""
        layout = rows[0].layout
        plans = self.book.plan(layout)
        values = np.concatenate([row.values for row in rows])
        times = np.concatenate([row.times for row in rows])
        servers = np.repeat([row.server for row in rows], [len(row.times) for row in rows])
        for plan in plans:
            column = values[:, plan.column]
            hot = engine.breaches(column, plan.rule.limits) & np.isin(servers, list(plan.rule.servers))
            for place in self._places(plan, servers, hot, times):
                yield from self._step(plan, int(servers[place]), int(times[place]), float(column[place]))
        for row in rows:
            last = int(row.times.max())
            self.judged[row.server] = max(self.judged.get(row.server, 0), last)

    def _places(self, plan: Plan, servers: Ints, hot: Bools, times: Ints) -> list[int]:
        """Breaching samples, and every sample of a series that is already being watched."""
        watched = {server for rule, server, series in self.tracks if (rule, series) == (plan.rule.id, plan.series)}
        watched |= set(servers[hot].tolist())
        if not watched:
            return []
        chosen = np.flatnonzero(np.isin(servers, list(watched)))
        order: list[int] = chosen[np.argsort(times[chosen], kind="stable")].tolist()
        return order

    def _step(self, plan: Plan, server: int, at: int, value: float) -> Iterator[Move]:
        key = (plan.rule.id, server, plan.series)
        before = self.tracks.get(key)
        if before is None:
            # Older than what was judged of this server: stored and shown, never paged.
            if at <= self.judged.get(server, 0):
                return
            before = Track()
        after = engine.step(before, at, value, plan.rule.limits)
        if after != before:
            self._keep(key, after)
            if (after.state, after.severity) != (before.state, before.severity):
                yield Move(key, plan.rule, before, after)

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
        """Alerts whose rule was changed so that it no longer speaks of their server end."""
        strays = [
            key
            for key in self.tracks
            if key[0] not in self.book.rules or key[1] not in self.book.rules[key[0]].servers
        ]
        with transaction.atomic():
            for key in strays:
                alert = Alert.objects.open().filter(rule=key[0], server=key[1], series=key[2]).first()
                if alert:
                    text = f"{alert.server.name}: {alert.rule.name} no longer watches this."
                    services.resolve(alert, self.tracks[key], now(), text=text)
        for key in strays:
            self.tracks.pop(key)

    def _save(self) -> None:
        place, at = self.saved
        if place != self.place and time.monotonic() - at >= SAVE_EVERY:
            Cursor.objects.move(NAME, self.place)
            self.saved = (self.place, time.monotonic())


def _news(move: Move) -> bool:
    return move.before.state in {"ok", "pending"} or move.after.severity > move.before.severity


def _open_alert(key: Key) -> Alert:
    rule, server, series = key
    chosen = Alert.objects.open().select_related("rule__team", "server", "series", "incident")
    return chosen.get(rule=rule, server=server, series=series)


def track_of(alert: Alert) -> Track:
    state: engine.State = alert.state  # type: ignore[assignment]
    level = severity_level(alert.severity)
    return Track(state, level, alert.since, alert.good_since, alert.judged, alert.value)


def _by_layout(rows: Iterable[journal.Row]) -> list[list[journal.Row]]:
    groups: dict[int, list[journal.Row]] = defaultdict(list)
    for row in rows:
        groups[row.layout.id].append(row)
    return list(groups.values())
