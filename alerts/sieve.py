"""The sieve in front of the judge: from many journal rows the few samples that can change anything. No database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from alerts import engine
from alerts.compiled import Book, Compiled, Plan
from metrics.journal import Row
from metrics.store import Known, layouts

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
    """Rows of one layout side by side."""

    layout: Known
    servers: Ints
    times: Ints
    values: Floats


@dataclass
class Sifted:
    """What is left, in the order of its time, and how far each series has been looked at."""

    candidates: list[Candidate] = field(default_factory=list)
    hot: int = 0
    seen: dict[tuple[int, int], int] = field(default_factory=dict)


def sift(rows: Iterable[Row], book: Book, open_keys: Iterable[Key]) -> Sifted:
    """Breaching samples, and every sample of a series that is being watched already or begins to be."""
    blocks = list(_blocks(rows))
    sifted = Sifted()
    watched: dict[tuple[int, int], set[int]] = defaultdict(set)
    for rule, server, series in open_keys:
        watched[rule, series].add(server)
    for block in blocks:
        for plan in book.plan(block.layout):
            hot = _hot(block, plan)
            sifted.hot += int(np.count_nonzero(hot))
            if hot.any():
                watched[plan.rule.id, plan.series] |= set(block.servers[hot].tolist())
    for block in blocks:
        _take(block, book, watched, sifted)
    sifted.candidates.sort(key=lambda one: one.at)  # stable: equal times stay in the order they came
    return sifted


def _hot(block: Block, plan: Plan) -> NDArray[np.bool_]:
    return engine.breaches(block.values[:, plan.column], plan.rule.limits) & np.isin(block.servers, plan.rule.servers)


def _take(block: Block, book: Book, watched: dict[tuple[int, int], set[int]], sifted: Sifted) -> None:
    for plan in book.plan(block.layout):
        column = block.values[:, plan.column]
        known = ~np.isnan(column)
        for server, at in zip(block.servers[known].tolist(), block.times[known].tolist(), strict=True):
            place = (server, plan.series)
            sifted.seen[place] = max(sifted.seen.get(place, 0), at)
        servers = watched.get((plan.rule.id, plan.series))
        if servers:
            for row in np.flatnonzero(known & np.isin(block.servers, list(servers))).tolist():
                key = (plan.rule.id, int(block.servers[row]), plan.series)
                sifted.candidates.append(Candidate(key, plan.rule, int(block.times[row]), float(column[row])))


def _blocks(rows: Iterable[Row]) -> Iterator[Block]:
    groups: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.layout.id].append(row)
    for group in groups.values():
        yield Block(
            group[0].layout,
            np.repeat([row.server for row in group], [len(row.times) for row in group]),
            np.concatenate([believed(row) for row in group]),
            np.concatenate([row.values for row in group]),
        )


def believed(row: Row) -> Ints:
    """A post's times, moved back as a whole where its clock runs ahead of ours: one such post mutes nothing."""
    ahead = max(0, int(row.times.max()) - row.received)
    return row.times - ahead


class Marks:
    """How far each series of each server was judged: what is older is stored and shown, never paged."""

    def __init__(self, seeds: Iterable[tuple[int, int, int]] = ()) -> None:
        self.of_series: dict[tuple[int, int], int] = {}
        self.seeds: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for server, layout, at in seeds:
            self.seeds[server].append((layout, at))

    def get(self, server: int, series: int) -> int:
        found = self.of_series.get((server, series))
        if found is None:
            seeds = self.seeds.get(server, ())
            found = max((at for layout, at in seeds if series in layouts.by(layout).series), default=0)
            self.of_series[server, series] = found
        return found

    def move(self, server: int, series: int, at: int) -> None:
        if at > self.get(server, series):
            self.of_series[server, series] = at
