"""What goes out live: stored samples to whoever looks, the fleet a few times a second, incidents as they change."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from alerts import services as alerts
from alerts.models import Incident
from core import live
from core.runner import Loop
from dashboards import present
from dashboards.alerting import incidents
from dashboards.fleet import packed
from metrics import journal
from metrics.journal import Entry
from metrics.store import latest
from servers.models import Server

log = logging.getLogger(__name__)

TICK = 1.0
"""How often all servers are looked over: who came, went, fell silent, or has an alert."""
QUICK = 0.3
"""How often it is told who reported, at a cost that grows with these alone: half a second old still is now."""
SOON = 0.02
REREAD = 5.0
MOST_HELD = 10_000


def fleet_topic(team: int) -> str:
    return f"team.{team}.fleet"


def incidents_topic(team: int) -> str:
    return f"team.{team}.incidents"


def server_topic(uuid: object) -> str:
    return f"server.{uuid}"


@dataclass
class Fleet:
    """What one team's pages are told this time."""

    rows: list[packed.Row] = field(default_factory=list)
    servers: list[present.Shown] = field(default_factory=list)


class Feed(Loop):
    """What changed since, one message a team each 0.3 s at most; a watched server gets its own points at once."""

    def __init__(self, sure: Callable[[], bool] = lambda: True) -> None:
        super().__init__("live feed", self.turn, every=TICK)
        self.told_at = float("-inf")
        self.ticked = float("-inf")
        self.rows: dict[int, Server] = {}
        """The servers that somebody looked at when last looked over."""
        self.looked: set[int] = set()
        """Of these whose own page it is: their points do not wait for the fleet."""
        self.changed: dict[int, list[Entry]] = {}
        self.held = 0
        self.lock = threading.Lock()
        self.known: tuple[float, dict[int, Server]] = (-REREAD, {})
        self.shown: dict[int, tuple[str, str]] = {}
        self.identities: dict[int, tuple[object, ...]] = {}
        self.whole: set[int] = set()
        """Servers that pages do not know as they are now."""
        self.sure = sure

    def take(self, group: list[Entry]) -> None:
        """From the writer's thread, after the commit. While we cannot go on, points are let go, not servers."""
        with self.lock:
            for entry in group:
                kept = self.changed.setdefault(entry.server, [])
                if self.held < MOST_HELD:
                    kept.append(entry)
                    self.held += 1
        rested = bool(self.rows) and time.monotonic() - self.told_at >= QUICK
        if rested or any(entry.server in self.looked for entry in group):
            self.event.set()

    def turn(self) -> bool:
        """Look over all once a second; between, tell of those that reported, and of a watched server now."""
        at = time.monotonic()
        told = False
        if at - self.ticked >= TICK - SOON:
            self.ticked = at
            told = self.tick()
        elif at - self.told_at >= QUICK - SOON:
            told = self._tell(self._reported())
        else:
            self._at_once()
        if told:
            self.told_at = at
        next_look = self.ticked + TICK - time.monotonic()
        self.every = max(SOON, min(QUICK, next_look) if self.rows else next_look)
        return False

    def _reported(self) -> dict[int, list[Entry]]:
        """What came of servers that are looked at, by their alerts of the last look; what else came waits for it."""
        with self.lock:
            found = {pk: self.changed.pop(pk) for pk in self.rows.keys() & self.changed.keys()}
            self.held -= sum(map(len, found.values()))
        for pk in found:
            self._tells(self.rows[pk], self.shown.get(pk, ("", "ok"))[1], told=True)
        return found

    def _at_once(self) -> None:
        with self.lock:
            told = {pk: entries for pk in self.looked if (entries := self.changed.get(pk))}
            for pk, entries in told.items():
                self.changed[pk] = []  # its row of the fleet is still to come
                self.held -= len(entries)
        for pk, entries in told.items():
            row = self.known[1].get(pk)
            if row is not None:
                self._tell_points(row, self.shown.get(pk, ("", "ok"))[1], entries)

    def _tell_points(self, row: Server, health: str, entries: list[Entry]) -> None:
        topic = server_topic(row.uuid)
        for entry in entries:
            live.push(topic, {"server": present.server(row, health), **_points(entry)})

    def tick(self) -> bool:
        with self.lock:
            changed, self.changed, self.held = self.changed, {}, 0
        self.rows = self._watched(self._servers()) if live.anybody() else {}
        if not self.rows:
            return False
        health = present.health_of(list(self.rows))
        told = {
            pk: changed.get(pk, [])
            for pk, row in self.rows.items()
            if self._tells(row, health.get(pk, "ok"), told=pk in changed)
        }
        return self._tell(told)

    def _tell(self, told: Mapping[int, list[Entry]]) -> bool:
        """Whether there was something to say."""
        base = int(time.time())
        fleets: dict[int, Fleet] = defaultdict(Fleet)
        for pk, entries in told.items():
            row = self.rows[pk]
            self._add(fleets[row.team_id], row, base)
            if pk in self.looked:
                self._tell_points(row, self.shown[pk][1], entries)
        for team, fleet in fleets.items():
            live.push(fleet_topic(team), {"base": base, "rows": fleet.rows, "servers": fleet.servers})
        return bool(fleets)

    def _watched(self, rows: dict[int, Server]) -> dict[int, Server]:
        """The servers that somebody looks at now, alone or with their fleet."""
        teams = {team for team in {row.team_id for row in rows.values()} if live.watched(fleet_topic(team))}
        self.looked = {pk for pk, row in rows.items() if live.watched(server_topic(row.uuid))}
        return {pk: row for pk, row in rows.items() if row.team_id in teams or pk in self.looked}

    def _tells(self, row: Server, health: str, *, told: bool) -> bool:
        """A server that reported, or whose state became another by silence, by an alert or by people."""
        state, before = (present.state_of(row, latest.get(row.pk))[0], health), self.shown.get(row.pk)
        if not told and row.pk not in self.whole and (before == state or not self.sure()):
            return False
        if before and before[0] == "new" != state[0]:
            self.whole.add(row.pk)  # its first word: pages may wait for it
        self.shown[row.pk] = state
        return True

    def _add(self, fleet: Fleet, row: Server, base: int) -> None:
        """A row, or the whole server where pages do not know it yet, or not as it is now."""
        reach, health = self.shown[row.pk]
        newest = latest.get(row.pk)
        if row.pk in self.whole:
            self.whole.discard(row.pk)
            fleet.servers.append(present.server(row, health, newest))
        else:
            fleet.rows.append([packed.key_of(row), packed.state(reach, health), *packed.numbers(newest, base)])

    def _servers(self) -> dict[int, Server]:
        """The servers there are now, by what was read of them lately; pages are told of those that are gone."""
        asked, rows = self.known
        there = set(Server.objects.watched().values_list("pk", flat=True))
        if there != rows.keys() or time.monotonic() - asked > REREAD:
            before, rows = rows, {row.pk: row for row in Server.objects.watched().select_related("team")}
            self.known = (time.monotonic(), rows)
            self._compare(rows)
            self._tell_removed([row for pk, row in before.items() if pk not in rows])
        return rows

    def _compare(self, rows: dict[int, Server]) -> None:
        """Which came or were changed by people since; the first look finds nothing, pages have just been made."""
        fresh = packed.same(rows.values())
        if self.identities:
            self.whole |= {pk for pk, what in fresh.items() if self.identities.get(pk) != what}
        self.identities = fresh

    def _tell_removed(self, gone: list[Server]) -> None:
        by_team: dict[int, list[str]] = {}
        for row in gone:
            self.shown.pop(row.pk, None)
            self.whole.discard(row.pk)
            by_team.setdefault(row.team_id, []).append(str(row.uuid))
        for team, removed in by_team.items():
            live.push(fleet_topic(team), {"rows": [], "servers": [], "removed": removed})


def _points(entry: Entry) -> present.Shown:
    """The stored rows of one post as columns of points; null where nothing was measured."""
    values = entry.values
    return {
        "t": (entry.times / 1000).tolist(),
        "series": {
            column: [None if v != v else v for v in values[:, place].tolist()]  # noqa: PLR0124 - NaN
            for column, place in entry.layout.place.items()
        },
    }


def push_incident(incident: Incident) -> None:
    """After the commit of whoever moved an alert: a hint that fails must not hurt that work."""
    topic = incidents_topic(incident.team_id)
    try:
        if live.watched(topic, surely=True):
            live.push(topic, {"incident": incidents.live(Incident.objects.get(pk=incident.pk))})
    except Exception:
        log.exception("Pages were not told of incident %s", incident.uuid)


def start(sure: Callable[[], bool] = lambda: True) -> Feed:
    """In a web process: listen to the writer and to the alerts; whoever calls runs it.

    `sure` says whether a server that is silent here is silent everywhere.
    """
    feed = Feed(sure)
    journal.on_commit(feed.take)
    listen()
    return feed


def listen() -> None:
    """In any process that moves alerts."""
    alerts.on_change(push_incident)
