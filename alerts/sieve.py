"""The sieve in front of the judge: from many journal rows the few samples that can change anything. No database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from alerts.compiled import Book, Compiled, Plans, divisors
from metrics.journal import Row
from metrics.store import Known, layouts

MOST_LAYOUTS = 200  # of one server whose marks are kept

Key = tuple[int, int, int]  # rule, server, series
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(slots=True)
class Candidate:
    """One sample that a rule must look at."""

    key: Key
    rule: Compiled
    at: int
    value: float


@dataclass(slots=True)
class Block:
    """Rows of one layout side by side, and of their columns those that a rule speaks of."""

    layout: Known
    plans: Plans
    servers: Ints
    times: Ints
    told: Floats
    """As they came: what is not measured is NaN."""
    values: Floats
    """As the rules compare them."""


@dataclass
class Sifted:
    """What is left, in the order of its time, and the rows that have been looked at."""

    candidates: list[Candidate] = field(default_factory=list)
    hot: int = 0
    blocks: list[Block] = field(default_factory=list)


Remember = Callable[[Block, int], Floats]


def sift(rows: Iterable[Row], book: Book, open_keys: Iterable[Key], remember: Remember | None = None) -> Sifted:
    """Breaching samples, and every sample of a series that is being watched already or begins to be."""
    return sift_blocks(list(_blocks(rows, book)), open_keys, remember)


def sift_blocks(blocks: list[Block], open_keys: Iterable[Key], remember: Remember | None = None) -> Sifted:
    sifted = Sifted(blocks=blocks)
    watched: dict[tuple[int, int], set[int]] = defaultdict(set)
    for rule, server, series in open_keys:
        watched[rule, series].add(server)
    for block in blocks:
        _compared(block, remember)
        hot = block.plans.sieve.breaches(block.values)
        for place in np.flatnonzero(hot.any(axis=0)).tolist():
            plan = block.plans.plans[place]
            servers = [server for server in block.servers[hot[:, place]].tolist() if server in plan.rule.servers]
            if servers:
                sifted.hot += len(servers)
                watched[plan.rule.id, plan.series].update(servers)
    if watched:
        for block in blocks:
            sifted.candidates.extend(_candidates(block, watched))
    sifted.candidates.sort(key=lambda one: one.at)  # stable: equal times stay in the order they came
    return sifted


def _compared(block: Block, remember: Remember | None) -> None:
    """Where a rule does not compare the value itself, what it does compare takes its place."""
    plans = block.plans
    if plans.divided or plans.remembered:
        block.values = block.told.copy()
    for place in plans.divided:
        block.values[:, place] /= divisors(plans.plans[place].rule, block.servers)
    for place in plans.remembered:
        block.values[:, place] = remember(block, place) if remember else np.nan


def _candidates(block: Block, watched: dict[tuple[int, int], set[int]]) -> Iterator[Candidate]:
    plans = block.plans
    if len(watched) < len(plans.places):
        places = [place for key in watched if (place := plans.places.get(key)) is not None]
    else:
        places = [place for key, place in plans.places.items() if key in watched]
    for place in places:
        plan = plans.plans[place]
        column = block.values[:, place]
        chosen = np.isin(block.servers, list(watched[plan.rule.id, plan.series])) & ~np.isnan(column)
        for row in np.flatnonzero(chosen).tolist():
            key = (plan.rule.id, int(block.servers[row]), plan.series)
            yield Candidate(key, plan.rule, int(block.times[row]), float(column[row]))


def _blocks(rows: Iterable[Row], book: Book) -> Iterator[Block]:
    groups: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.layout.id].append(row)
    for group in groups.values():
        counts = [len(row.times) for row in group]
        times = np.concatenate([row.times for row in group])
        received = np.repeat([row.received for row in group], counts)
        if (times > received).any():
            times = np.concatenate([believed(row) for row in group])
        plans = book.plan(group[0].layout)
        values = np.concatenate([row.values for row in group])[:, plans.columns]
        yield Block(group[0].layout, plans, np.repeat([row.server for row in group], counts), times, values, values)


def believed(row: Row) -> Ints:
    """A post's times, moved back as a whole where its clock runs ahead of ours: one such post mutes nothing."""
    ahead = max(0, int(row.times.max()) - row.received)
    return row.times - ahead


class Marks:
    """How far each series of each server was judged: what is older is stored and shown, never paged.

    A server's columns move together, so one mark a layout does; what was not measured lags behind it in a gap.
    """

    def __init__(self, seeds: Iterable[tuple[int, int, int]] = ()) -> None:
        self.of_server: dict[int, dict[int, int]] = defaultdict(dict)
        self.gaps: dict[int, dict[tuple[int, int], int]] = {}
        self.ended: dict[tuple[int, int], int] = {}
        for server, layout, at in seeds:
            mine = self.of_server[server]
            mine[layout] = max(at, mine.get(layout, 0))

    def get(self, server: int, series: int) -> int:
        found = self.ended.get((server, series), 0)
        for layout, at in self.of_server.get(server, {}).items():
            if at > found and series in layouts.by(layout).series:
                found = max(found, self.gaps.get(layout, {}).get((server, series), at))
        return found

    def end(self, server: int, series: int, at: int) -> None:
        """An alert ended at this sample, in rows whose marks are not moved yet."""
        self.ended[server, series] = at

    def move(self, blocks: Iterable[Block]) -> None:
        """These rows were judged."""
        self.ended.clear()
        for block in blocks:
            missing = np.isnan(block.told)
            if missing.any():
                self._open_gaps(block, missing)
            self._move(block)
            if self.gaps.get(block.layout.id):
                self._close_gaps(block, missing)

    def _move(self, block: Block) -> None:
        layout = block.layout.id
        for server, at in zip(block.servers.tolist(), block.times.tolist(), strict=True):
            mine = self.of_server[server]
            if at > mine.get(layout, 0):
                mine[layout] = at
                if len(mine) > MOST_LAYOUTS:
                    del mine[min(mine, key=mine.__getitem__)]

    def _open_gaps(self, block: Block, missing: NDArray[np.bool_]) -> None:
        """Where nothing was measured a series stays where it was."""
        gaps = self.gaps.setdefault(block.layout.id, {})
        for row, place in np.argwhere(missing).tolist():
            server = int(block.servers[row])
            gaps.setdefault((server, block.plans.series[place]), self.of_server[server].get(block.layout.id, 0))

    def _close_gaps(self, block: Block, missing: NDArray[np.bool_]) -> None:
        layout = block.layout.id
        gaps = self.gaps[layout]
        for row, place in np.argwhere(~missing).tolist():
            server = int(block.servers[row])
            key = (server, block.plans.series[place])
            if key in gaps:
                gaps[key] = max(gaps[key], int(block.times[row]))
                if gaps[key] >= self.of_server[server].get(layout, 0):
                    del gaps[key]
