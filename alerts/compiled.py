"""Rules as the consumer runs them: which columns of which layouts, on which servers, by which limits."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from uuid import UUID

import numpy as np
from django.db.models import Count, Max
from numpy.typing import NDArray

from alerts import fleet, kinds, logic
from alerts.engine import Limits, Sieve
from alerts.fleet import Fleet
from alerts.kinds.base import AFTER_OTHERS, WHEN_SAMPLED, WHEN_TIME_PASSES
from alerts.models import Rule
from core import selector
from core.registry import Unknown
from metrics.store import Known, parse

LOOK_EVERY = 1.0
READ_EVERY = 60.0
CORES_EVERY = 300.0
NEVER = Limits(above=True)


@dataclass(slots=True)
class Compiled:
    """One rule, ready to run."""

    id: int
    uuid: UUID
    kind: str
    when: str
    metric: str
    limits: Limits
    fits: Callable[[dict[str, str]], bool]
    servers: set[int]
    made: float
    ours: bool
    """Made by the product: not every machine tells everything, and that is no fault."""
    params: Any
    divide: dict[int, float] | None = None
    condition: logic.Condition | None = None

    def speaks_of(self, server: int, metric: str, labels: dict[str, str]) -> bool:
        return metric == self.told and self.fits(labels) and server in self.servers

    @property
    def told(self) -> str:
        """The metric of its alerts."""
        if self.when == AFTER_OTHERS:
            return kinds.composite.CONDITION
        return self.metric or kinds.no_data.SILENCE

    @property
    def sieved(self) -> Limits:
        """What a sample can break: of a rule over silence nothing, a sample only ends it."""
        return self.limits if self.when == WHEN_SAMPLED else NEVER

    @property
    def remembers(self) -> bool:
        """Whether it compares with what was before, so that it must see every sample."""
        return self.kind in {"change", "past"}

    @property
    def by_reach(self) -> bool:
        return self.when == WHEN_TIME_PASSES and not self.metric

    @property
    def by_gap(self) -> bool:
        """Silence of a series, which only its next sample ends."""
        return self.when == WHEN_TIME_PASSES and bool(self.metric)


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
        self.sieve = Sieve([plan.rule.sieved for plan in plans])
        self.divided = [place for place, plan in enumerate(plans) if plan.rule.divide is not None]
        self.remembered = [place for place, plan in enumerate(plans) if plan.rule.remembers]
        self.rules = {plan.rule.id for plan in plans}
        self.places = {(plan.rule.id, plan.series): place for place, plan in enumerate(plans)}


class Book:
    """All enabled rules, compiled anew when a rule changed; of servers only what changed is read."""

    def __init__(self) -> None:
        self.mark: object = None
        self.looked = self.read = self.cores_read = float("-inf")
        self.fleet = Fleet()
        self.rules: dict[int, Compiled] = {}
        self.by_metric: dict[str, list[Compiled]] = {}
        self.plans: dict[int, Plans] = {}
        self.broken: dict[int, str] = {}
        """Rules that cannot be judged, and why."""
        self.cores: dict[int, float] = {}

    @property
    def servers(self) -> dict[int, fleet.Known]:
        return self.fleet.known

    def refresh(self, *, now: bool = False, rules: bool = False) -> bool:
        """Look whether anything changed, by one small query a table; once a second, or now when told so."""
        if not now and not rules and time.monotonic() - self.looked < LOOK_EVERY:
            return False
        self.looked = time.monotonic()
        changed = self.fleet.refresh()
        mark = Rule.objects.aggregate(at=Max("changed_at"), count=Count("pk"))
        # Times of change can hide a change (clocks, late commits): when told, or once a minute, read all the same.
        if mark != self.mark or rules or time.monotonic() - self.read >= READ_EVERY:
            self._compile()
            self.mark, changed = mark, True
        self._read_cores(changed=changed)
        return changed

    def _compile(self) -> None:
        self.read = time.monotonic()
        by_metric = defaultdict(list)
        self.rules, self.broken, used = {}, {}, set()
        for rule in Rule.objects.standing().filter(enabled=True):
            try:
                compiled = self._one(rule)
            except Broken as fault:
                # The door for rules refuses these; one bad row must not stop all the others.
                self.broken[rule.pk] = str(fault)
                continue
            used.add((rule.team_id, rule.selector))
            self.rules[rule.pk] = compiled
            if rule.metric and compiled.when != AFTER_OTHERS:
                by_metric[rule.metric].append(compiled)
        self.fleet.keep(used)
        self.by_metric, self.plans = dict(by_metric), {}

    def _one(self, rule: Rule) -> Compiled:
        try:
            kind = kinds.registry.get(rule.kind)
            servers = self.fleet.choose(rule.team_id, rule.selector)
            params = kinds.base.read(kind.params, rule.params)
            condition = logic.parse(params.rules) if isinstance(params, kinds.composite.Params) else None
        except selector.Unreadable as fault:
            raise Broken(f"Its selector cannot be read: {fault}") from fault
        except (Unknown, ValueError) as fault:
            raise Broken(str(fault)) from fault
        if kind.limited and rule.warn is None and rule.critical is None:
            raise Broken("It has no limit: give warn, critical, or both.")
        divide = self.cores if getattr(params, "per", "") == "cores" else None
        return Compiled(
            rule.pk, rule.uuid, rule.kind, kind.when, rule.metric, kind.limits(rule), label_test(rule.labels),
            servers, rule.changed_at.timestamp(), rule.made_by_id is None, params, divide, condition,
        )  # fmt: skip

    def _read_cores(self, *, changed: bool) -> None:
        late = time.monotonic() - self.cores_read
        if all(rule.divide is None for rule in self.rules.values()):
            return
        if late >= CORES_EVERY or (changed and late >= LOOK_EVERY):
            # In place: the rules hold it.
            found = fleet.cores()
            self.cores.clear()
            self.cores.update(found)
            self.cores_read = time.monotonic()

    def forget(self) -> None:
        """Read everything anew at the next refresh."""
        self.mark, self.looked = None, float("-inf")
        self.fleet.read_at = self.cores_read = float("-inf")

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


class Broken(ValueError):
    """This rule cannot be judged; the text is a sentence for whoever made it."""


def divisors(rule: Compiled, servers: NDArray[np.int64]) -> NDArray[np.float64]:
    """What the values of these servers are divided by; NaN where it is not known, which breaks nothing."""
    known = rule.divide or {}
    return np.array([known.get(server, np.nan) for server in servers.tolist()])


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
