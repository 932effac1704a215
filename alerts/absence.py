"""Rules over silence: of whole servers by when we heard from them, and of single series that others outlive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.models import Max

from alerts import engine
from alerts.compiled import Book, Compiled
from alerts.engine import Limits, Track
from alerts.services.moves import Change
from alerts.sieve import Key, Marks
from metrics.models import JournalRow, Latest
from metrics.store import layouts
from servers.services import DRAIN, GAP, Mark, Watch

DAY = 86_400_000
LATE = 3  # intervals

BEHIND = 120_000  # the table of newest rows is written now and then; the journal knows what came since


def newest_reports() -> dict[int, Mark]:
    """When each server was last heard, and the time of its newest sample, by what is stored."""
    found = {row[0]: (row[1], row[2]) for row in Latest.objects.values_list("server_id", "received", "at")}
    newest = max((mark[0] for mark in found.values()), default=0)
    later = JournalRow.objects.all().since(max(0, newest - BEHIND)).posted().values("server_id")
    for row in later.annotate(received=Max("received"), at=Max("end")).order_by():
        before = found.get(row["server_id"], (0, 0))
        found[row["server_id"]] = max(before[0], row["received"]), max(before[1], row["at"])
    return found


def last_received(now: int) -> set[int]:
    """When anybody was heard lately: a pause of all of them shows that we were away, whoever came back before us."""
    since = now - int(1000 * (DRAIN + 2 * GAP))
    posted = JournalRow.objects.all().since(since).posted()
    return set(posted.values_list("received", flat=True).order_by().distinct())


class Absence:
    """What is known of who reports; asked now and then, and whenever somebody is heard again."""

    def __init__(self, book: Book, tracks: dict[Key, Track], series: int) -> None:
        self.book, self.tracks, self.series = book, tracks, series
        self.watch = Watch()
        self.reports: dict[int, Mark] = {}

    def limits(self, rule: Compiled, server: int) -> Limits:
        """How long this server may be silent: what the rule says, else a minute or 6 intervals."""
        interval = self.book.fleet.interval(server)
        wait = rule.limits.wait or 1000 * max(60, 6 * interval)
        worst = "warn" if rule.limits.critical is None else "critical"
        return Limits(above=True, wait=wait, hold=rule.limits.hold, **{worst: wait / 1000})

    def look(self, at: int) -> Iterator[Change]:
        """Everything that silence changed by now."""
        quiet = {server: self._quiet(server) for server in self.reports}
        late = {server for server, silent in quiet.items() if silent > self._late(server)}
        watching = self._open()
        for rule in self.book.rules.values():
            if rule.by_reach:
                asked = (rule.servers & late) | watching.get(rule.id, set())
                yield from (change for server in asked for change in self._of_server(rule, server, quiet, at))

    def back(self, servers: Iterable[int], at: int) -> Iterator[Change]:
        """These were heard just now."""
        heard = set(servers)
        for rule_id, watching in self._open().items():
            rule = self.book.rules.get(rule_id)
            if rule is not None:
                for server in watching & heard:
                    yield from self._of_server(rule, server, {server: self._quiet(server)}, at)

    def of_metrics(self, marks: Marks, at: int) -> Iterator[Change]:
        """Series that a rule expects and that have not come for long; what was silent for a day is history."""
        for rule in self.book.rules.values():
            if not rule.by_gap:
                continue
            for server in rule.servers & self.reports.keys():
                silent = self._quiet(server)
                for series in self._expected(rule, server, marks):
                    last = marks.get(server, series)
                    quiet = silent + max(0, self.reports[server][1] - last)
                    key = (rule.id, server, series)
                    before = self.tracks.get(key)
                    if last and (before is not None or quiet < DAY):
                        # Only a sample ends it: after a restart the marks know less than the alert does.
                        if before is not None:
                            quiet = max(quiet, at - before.since)
                        yield from self._step(key, rule, quiet, at)

    def ended(self, key: Key, rule: Compiled, at: int) -> Iterator[Change]:
        """A series that was silent told a sample."""
        yield from self._step(key, rule, 0, at)

    def _expected(self, rule: Compiled, server: int, marks: Marks) -> set[int]:
        found: set[int] = set()
        for layout in marks.of_server.get(server, ()):
            plans = self.book.plan(layouts.by(layout))
            found.update(series for named, series in plans.places if named == rule.id)
        return found

    def _of_server(self, rule: Compiled, server: int, quiet: dict[int, int], at: int) -> Iterator[Change]:
        if server in quiet:
            yield from self._step((rule.id, server, self.series), rule, quiet[server], at)

    def _step(self, key: Key, rule: Compiled, quiet: int, at: int) -> Iterator[Change]:
        before = self.tracks.get(key, Track())
        limits = self.limits(rule, key[1])
        after = engine.silent(before, at, quiet, self._late(key[1]), limits)
        if after.state == "ok":
            self.tracks.pop(key, None)
        else:
            self.tracks[key] = after
        if (after.state, after.severity) != (before.state, before.severity):
            yield Change(key, before, after, limits)

    def _open(self) -> dict[int, set[int]]:
        found: dict[int, set[int]] = {}
        for rule, server, series in self.tracks:
            if series == self.series:
                found.setdefault(rule, set()).add(server)
        return found

    def _late(self, server: int) -> int:
        return 1000 * LATE * self.book.fleet.interval(server)

    def _quiet(self, server: int) -> int:
        seconds, _ = self.watch.silence(server, self.reports[server], self.book.fleet.interval(server))
        return int(1000 * seconds)
