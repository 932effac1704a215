"""Rules as the consumer runs them: which columns of which layouts, on which servers, by which limits."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
from django.db.models import Count, Max

from alerts.engine import Limits, Sieve
from alerts.models import Rule
from core import selector
from metrics.store import Known, parse
from servers.models import Server

LOOK_EVERY = 1.0
READ_EVERY = 60.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Compiled:
    """One rule, ready to run."""

    id: int
    metric: str
    limits: Limits
    fits: Callable[[dict[str, str]], bool]
    servers: frozenset[int]

    def speaks_of(self, server: int, metric: str, labels: dict[str, str]) -> bool:
        return metric == self.metric and self.fits(labels) and server in self.servers


@dataclass(frozen=True, slots=True)
class Plan:
    """What a layout's rows are compared with: a column, a rule."""

    column: int
    series: int
    rule: Compiled


class Plans:
    """All plans of a layout side by side."""

    def __init__(self, plans: list[Plan]) -> None:
        self.plans = plans
        self.columns = np.array([plan.column for plan in plans], np.intp)
        self.series = [plan.series for plan in plans]
        self.sieve = Sieve([plan.rule.limits for plan in plans])


class Book:
    """All enabled rules, compiled anew when a rule or a server changed."""

    def __init__(self) -> None:
        self.mark: object = None
        self.looked = self.read = -READ_EVERY
        self.rules: dict[int, Compiled] = {}
        self.servers: set[int] = set()
        self.by_metric: dict[str, list[Compiled]] = {}
        self.plans: dict[int, Plans] = {}

    def refresh(self, *, now: bool = False) -> bool:
        """Look whether anything changed, by one small query a table; once a second, or now when told so."""
        if not now and time.monotonic() - self.looked < LOOK_EVERY:
            return False
        self.looked = time.monotonic()
        mark = (
            Rule.objects.aggregate(at=Max("changed_at"), count=Count("pk")),
            Server.objects.aggregate(at=Max("changed_at"), count=Count("pk")),
        )
        # Times of change can hide a change (clocks, late commits): when told, or once a minute, read all the same.
        if mark == self.mark and not now and time.monotonic() - self.read < READ_EVERY:
            return False
        self.read = time.monotonic()
        servers = list(Server.objects.all())
        self.servers = {server.pk for server in servers}
        by_metric = defaultdict(list)
        self.rules = {}
        for rule in Rule.objects.standing().filter(enabled=True):
            compiled = _compile(rule, servers)
            if compiled:
                self.rules[rule.pk] = compiled
                by_metric[rule.metric].append(compiled)
        self.by_metric, self.plans, self.mark = dict(by_metric), {}, mark
        return True

    def forget(self) -> None:
        """Read everything anew at the next refresh."""
        self.mark, self.looked = None, -READ_EVERY

    def plan(self, layout: Known) -> Plans:
        found = self.plans.get(layout.id)
        if found is None:
            found = self.plans[layout.id] = Plans(list(self._plan(layout)))
        return found

    def _plan(self, layout: Known) -> Iterator[Plan]:
        for place, column in enumerate(layout.columns):
            metric, labels = parse(column)
            for rule in self.by_metric.get(metric, ()):
                if rule.fits(dict(labels)):
                    yield Plan(place, int(layout.series[place]), rule)


def limits_of(rule: Rule) -> Limits:
    return Limits(
        above=rule.op == "above",
        warn=rule.warn,
        warn_recover=rule.warn_recover,
        critical=rule.critical,
        critical_recover=rule.critical_recover,
        wait=rule.for_seconds * 1000,
        hold=rule.keep_firing_seconds * 1000,
    )


def _compile(rule: Rule, servers: list[Server]) -> Compiled | None:
    try:
        chosen = selector.parse(rule.selector)
    except selector.Unreadable:
        # The door for rules refuses these; one bad row must not stop all the others.
        log.exception("Rule %s has an unreadable selector and is left out", rule.uuid)
        return None
    meant = (
        s.pk
        for s in servers
        if s.team_id == rule.team_id and not s.paused and not s.internal and chosen.matches(s.words())
    )
    return Compiled(rule.pk, rule.metric, limits_of(rule), label_test(rule.labels), frozenset(meant))


def label_test(wanted: dict[str, str]) -> Callable[[dict[str, str]], bool]:
    """Exact or glob by label; a leading ! negates; none given means every label set."""
    patterns = {str(key): str(pattern) for key, pattern in wanted.items()}

    def fits(labels: dict[str, str]) -> bool:
        for key, pattern in patterns.items():
            negated = pattern.startswith("!")
            if fnmatchcase(labels.get(key, ""), pattern.removeprefix("!")) == negated:
                return False
        return True

    return fits
