"""What rules over a change or over their own past remember of each series, and where they get it from at first."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alerts import kinds
from alerts.compiled import Compiled
from alerts.readings import ENOUGH, UNKNOWN, Change, Past, Reading, slot_of, windows
from alerts.sieve import Block, Key
from metrics.base import MINUTES, RAW, Named
from metrics.base import Key as Name
from metrics.store import parse, query

MOST_READING = 2.0
FREED = 0.02  # at each look


Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual in one five minutes, by server and label set."""

    slot: int
    means: dict[tuple[int, Name], float]


class Memory:
    """One reading for each series of each server that such a rule speaks of."""

    def __init__(self) -> None:
        self.readings: dict[Key, Reading] = {}
        self.usual: dict[int, Usual] = {}
        self.spent = 0.0
        """Seconds of reading what is stored, for series that were not remembered yet."""

    def __call__(self, block: Block, place: int) -> Floats:
        self.spent = max(0.0, self.spent - FREED)
        plan = block.plans.plans[place]
        name = parse(block.layout.columns[plan.column])
        found = np.full(len(block.times), np.nan)
        # In the order of time: of several rows of a server the older ones are remembered first.
        for row in np.argsort(block.times, kind="stable").tolist():
            server, value = int(block.servers[row]), float(block.told[row, place])
            if server in plan.rule.servers and value == value:  # noqa: PLR0124 - not NaN
                reading = self._reading(plan.rule, (plan.rule.id, server, plan.series), name, int(block.times[row]))
                found[row] = reading.take(int(block.times[row]), value)
        return found

    def forget(self, rules: set[int]) -> None:
        """Rules were made anew: what was remembered for others may not be what they ask for."""
        self.readings = {key: reading for key, reading in self.readings.items() if key[0] in rules}
        self.usual = {rule: usual for rule, usual in self.usual.items() if rule in rules}

    def _reading(self, rule: Compiled, key: Key, name: Name, at: int) -> Reading:
        found = self.readings.get(key)
        if found is None:
            found = self._change(rule, key, name, at) if rule.kind == "change" else self._past(rule, key, name)
            self.readings[key] = found
        return found

    def _change(self, rule: Compiled, key: Key, name: Name, at: int) -> Reading:
        """Begin with what is stored, so that a restart forgets nothing."""
        params = rule.params
        assert isinstance(params, kinds.change.Params)  # noqa: S101 - its kind says so
        reading = Change(params.window * 1000, percent=params.percent)
        if self.spent > MOST_READING:
            return reading  # it knows what it needs after a window; thousands of reads would hold up every rule
        began = time.monotonic()
        named = [Named(name, key[2])]
        for line in query.store.range(key[1], named, at - 2 * reading.window, at - 1, RAW).values():
            for at_, value in zip(line.t.tolist(), line.mean.tolist(), strict=True):
                reading.take(at_, value)
        self.spent += time.monotonic() - began
        return reading

    def _past(self, rule: Compiled, key: Key, name: Name) -> Reading:
        return Past(lambda at: self._usual(rule, slot_of(at)).get((key[1], name), UNKNOWN), percent=_percent(rule))

    def _usual(self, rule: Compiled, slot: int) -> dict[tuple[int, Name], float]:
        known = self.usual.get(rule.id)
        if known is None or known.slot != slot:
            known = self.usual[rule.id] = Usual(slot, usual(rule, slot))
        return known.means


def _percent(rule: Compiled) -> bool:
    return bool(rule.params.percent)


def usual(rule: Compiled, slot: int) -> dict[tuple[int, Name], float]:
    """The mean of the same time of day on the days before, of all its servers at once, from five-minute means."""
    sums: dict[tuple[int, Name], tuple[float, float, int]] = defaultdict(lambda: (0.0, 0.0, 0))
    for start, end in windows(slot, rule.params.against, rule.params.window * 1000):
        for name, rolled in query.store.fleet_range(rule.metric, start, end, MINUTES, rule.servers).items():
            if not rule.fits(dict(name[1])) or not len(rolled.t):
                continue
            counts = rolled.count.sum(axis=0)
            totals = np.where(rolled.count > 0, rolled.mean * rolled.count, 0.0).sum(axis=0)
            for server, total, count in zip(rolled.series.tolist(), totals.tolist(), counts.tolist(), strict=True):
                if count and server in rule.servers:
                    before = sums[server, name]
                    sums[server, name] = (before[0] + total, before[1] + count, before[2] + 1)
    return {key: total / count for key, (total, count, times) in sums.items() if times >= ENOUGH}
