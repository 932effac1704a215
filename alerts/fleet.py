"""The servers there are and which of them each selector means, kept up to date by what changed alone."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count, Max

from core import selector
from core.selector import Selector
from servers.models import CHECK, FactSheet, Server
from servers.services import outdated

READ_EVERY = 60.0
MARGIN = timedelta(seconds=5)  # commits may come later than the time they say
ASKED_AT_ONCE = 500

Words = dict[str, list[str]]


@dataclass(slots=True)
class Known:
    """A server as rules see it."""

    team: int
    interval: int
    watched: bool
    words: Words
    changed: datetime
    agent: str
    demo: bool


@dataclass(slots=True)
class Meant:
    """The servers that a selector means in a team: one set, shared by all rules that say the same."""

    chosen: Selector
    servers: set[int] = field(default_factory=set)


class Fleet:
    """What `Book` knows of servers."""

    def __init__(self) -> None:
        self.known: dict[int, Known] = {}
        self.of_team: dict[int, set[int]] = defaultdict(set)
        self.meant: dict[tuple[int, str], Meant] = {}
        self.mark: dict[str, object] | None = None
        self.read_at = float("-inf")

    def refresh(self, *, whole: bool = False) -> bool:
        """Read what changed; all of it, by its times of change, when told and once a minute. True for any change."""
        mark = Server.objects.aggregate(at=Max("changed_at"), count=Count("pk"))
        if whole or time.monotonic() - self.read_at >= READ_EVERY:
            changed = self._compare()
            self.read_at = time.monotonic()
        elif mark == self.mark:
            return False
        else:
            changed = self._newer()
            if mark["count"] != len(self.known):
                changed |= self._gone(set(Server.objects.values_list("pk", flat=True)))
        self.mark = mark
        return changed

    def _compare(self) -> bool:
        """Times of change can hide a change (clocks, late commits), but never two different ones."""
        there = {pk: (at, agent) for pk, at, agent in Server.objects.values_list("pk", "changed_at", "agent")}
        fresh = [
            pk
            for pk, told in there.items()
            if (one := self.known.get(pk)) is None or (one.changed, one.agent) != told
        ]
        for place in range(0, len(fresh), ASKED_AT_ONCE):
            self._take(Server.objects.filter(pk__in=fresh[place : place + ASKED_AT_ONCE]))
        return self._gone(set(there)) or bool(fresh)

    def _newer(self) -> bool:
        before: object = self.mark and self.mark["at"]
        since = before - MARGIN if isinstance(before, datetime) else None
        chosen = Server.objects.filter(changed_at__gte=since) if since else Server.objects.all()
        return self._take(chosen)

    def _take(self, servers: Iterable[Server]) -> bool:
        changed = False
        for server in servers:
            judged = not server.internal or server.stands_for == CHECK
            known = Known(
                server.team_id, server.interval, not server.paused and judged, server.words(),
                server.changed_at, server.agent, server.demo,
            )  # fmt: skip
            if known != self.known.get(server.pk):
                self._place(server.pk, known)
                changed = True
        return changed

    def _place(self, pk: int, known: Known) -> None:
        self._forget(pk)
        self.known[pk] = known
        self.of_team[known.team].add(pk)
        for (team, _), meant in self.meant.items():
            if team == known.team and known.watched and meant.chosen.matches(known.words):
                meant.servers.add(pk)

    def _forget(self, pk: int) -> None:
        before = self.known.pop(pk, None)
        if before is not None:
            self.of_team[before.team].discard(pk)
            for meant in self.meant.values():
                meant.servers.discard(pk)

    def _gone(self, there: set[int]) -> bool:
        gone = self.known.keys() - there
        for pk in gone:
            self._forget(pk)
        return bool(gone)

    def choose(self, team: int, text: str) -> set[int]:
        """The watched servers of a team that a selector means, now and as they change; `Unreadable` says why not."""
        found = self.meant.get((team, text))
        if found is None:
            found = Meant(selector.parse(text))
            mine = ((pk, self.known[pk]) for pk in self.of_team[team])
            found.servers.update(pk for pk, one in mine if one.watched and found.chosen.matches(one.words))
            self.meant[team, text] = found
        return found.servers

    def keep(self, used: set[tuple[int, str]]) -> None:
        """Forget the selectors that no rule says any more."""
        for key in self.meant.keys() - used:
            del self.meant[key]

    def interval(self, server: int) -> int:
        known = self.known.get(server)
        return known.interval if known else 10

    def outdated(self) -> set[int]:
        """Those whose agent is older than the one we hand out."""
        old = {version for version in {one.agent for one in self.known.values()} if outdated(version)}
        return {pk for pk, one in self.known.items() if one.agent in old}


def cores(servers: Collection[int] | None = None) -> dict[int, float]:
    """How many processors the machines told to have, as the scheduler counts them."""
    chosen = FactSheet.objects.all() if servers is None else FactSheet.objects.filter(server__in=servers)
    found = chosen.values_list("server_id", "document__cpu__threads", "document__cpu__cores")
    counts = {server: threads or whole for server, threads, whole in found}
    return {server: float(count) for server, count in counts.items() if isinstance(count, int | float) and count > 0}
