"""Which rules cannot be judged, or watch nothing though somebody made them to: looked for now and then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from alerts import inner
from alerts.compiled import Book, Compiled
from alerts.kinds.base import AFTER_OTHERS
from alerts.models import Rule
from alerts.services import faults
from alerts.sieve import Marks
from core import apart
from core.clock import from_milliseconds
from metrics.store import layouts

EVERY = 15.0
PATIENCE = 600.0  # a new rule waits for its first sample that long
LEARNT = ("anomaly", "forecast")


class Troubled:
    """Remembers what was told, so that a look that finds the same costs no query."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.known: dict[int, str] = {}
        self.fed: set[int] = set()
        self.of: object = None
        self.looked = float("-inf")

    def load(self) -> None:
        self.known = dict(Rule.objects.exclude(fault="").values_list("pk", "fault"))
        self.looked = float("-inf")

    def look(self, marks: Marks, monotonic: float, wall: int) -> None:
        news = self.book.broken.keys() - self.known.keys()
        if not news and monotonic - self.looked < EVERY:
            return
        self.looked = monotonic
        found = {**self.book.broken, **dict(self._idle(marks, wall / 1000))}
        changed = [pk for pk in found.keys() | self.known.keys() if found.get(pk) != self.known.get(pk)]
        at = from_milliseconds(wall)

        def say(rule: Rule) -> None:
            reason = found.get(rule.pk)
            faults.mended(rule, at) if reason is None else faults.fault(rule, reason, at)

        apart.each(Rule.objects.select_related("team", "made_by").filter(pk__in=changed), say, "A rule's fault")
        self.known = {pk: reason[:500] for pk, reason in found.items()}

    def _idle(self, marks: Marks, now: float) -> Iterator[tuple[int, str]]:
        self._feed(marks)
        uuids = {rule.uuid for rule in self.book.rules.values()}
        for rule in self.book.rules.values():
            if rule.when == AFTER_OTHERS and rule.condition and (missing := rule.condition.rules - uuids):
                yield rule.id, f"It names {min(missing)}, which is no rule that is judged."
            elif not rule.ours and now - rule.made > PATIENCE and (reason := self._reason(rule)):
                yield rule.id, reason

    def _reason(self, rule: Compiled) -> str:
        if not rule.servers:
            return "Its selector matches no server that is watched."
        quiet = rule.by_reach or rule.when == AFTER_OTHERS or rule.kind in LEARNT or rule.metric in inner.COLUMNS
        if quiet or rule.id in self.fed:
            return ""
        return f"No server that it means ever told {rule.metric} with these labels."

    def _feed(self, marks: Marks) -> None:
        """Which rules ever had a sample; one that had keeps it until rules change."""
        if self.of is not self.book.rules:
            self.of, self.fed = self.book.rules, set()
        if len(self.fed) == len(self.book.rules):
            return
        by_layout: dict[int, list[int]] = defaultdict(list)
        for server, mine in marks.of_server.items():
            for layout in mine:
                by_layout[layout].append(server)
        for layout, servers in by_layout.items():
            for rule in self.book.plan(layouts.by(layout)).rules - self.fed:
                if not self.book.rules[rule].servers.isdisjoint(servers):
                    self.fed.add(rule)
