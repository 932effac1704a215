"""A store that is nothing but dictionaries: for tests, and to say plainly what a store must answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Sequence

import numpy as np

from metrics import names
from metrics.base import MINUTES, RAW, TIERS, Best, Floats, Ints, Key, Line, Named, Newest
from metrics.described import worse_is_high
from metrics.retention import Kept
from metrics.rollups import Rolled

Samples = dict[int, float]


class MemoryStore:
    """Keeps every sample while any tier covers it; buckets are counted anew for each question."""

    def __init__(self) -> None:
        self.samples: dict[int, dict[Key, Samples]] = defaultdict(lambda: defaultdict(dict))
        self.newest: dict[int, tuple[int, int, dict[Key, float]]] = {}
        self.clock = 0
        self.first_kept = dict.fromkeys(TIERS, 0)

    def append(self, server: int, columns: Sequence[str], times: Ints, values: Floats) -> None:
        keys = [names.parse(column) for column in columns]
        for at, row in zip(times.tolist(), values.tolist(), strict=True):
            for key, value in zip(keys, row, strict=True):
                kept = self.samples[server][key]
                if value == value:  # noqa: PLR0124 - not NaN
                    kept[at] = value
        self.clock += 1
        last = int(times.argmax())
        if server not in self.newest or times[last] >= self.newest[server][1]:
            self.newest[server] = self.clock, int(times[last]), dict(zip(keys, values[last].tolist(), strict=True))

    def latest(self, servers: Sequence[int], columns: Sequence[str]) -> Newest:
        received = np.array([self.newest.get(server, (0,))[0] for server in servers], np.int64)
        cells = [[self._newest(server, column) for column in columns] for server in servers]
        return Newest(received, np.array(cells, np.float64).reshape(len(servers), len(columns)))

    def _newest(self, server: int, column: str) -> float:
        row = self.newest[server][2] if server in self.newest else {}
        found = [v for key, v in row.items() if _meant(key, column) and v == v]  # noqa: PLR0124 - the cheapest test for NaN
        return (max if worse_is_high(column) else min)(found, default=np.nan)

    def series(self, server: int, metrics: Collection[str] | None, start: int, end: int) -> list[Named]:
        held = self.samples.get(server, {})
        told = (key for key, samples in held.items() if any(start <= at <= end for at in samples))
        return sorted(Named(key) for key in told if metrics is None or key[0] in metrics)

    def first(self, tier: int) -> int | None:
        every = (at for held in self.samples.values() for samples in held.values() for at in samples)
        return min((at for at in every if at >= self.first_kept[tier]), default=None)

    def fleet_first(self, tier: int) -> int | None:
        return self.first(tier)

    def range(self, server: int, named: Sequence[Named], start: int, end: int, tier: int = RAW) -> dict[Key, Line]:
        held = self.samples.get(server, {})
        return {one.key: self._line(held.get(one.key, {}), start, end, tier) for one in named}

    def _line(self, samples: Samples, start: int, end: int, tier: int) -> Line:
        step = max(1, tier * 1000)
        first = max(start - start % step, self.first_kept[tier])
        buckets: dict[int, list[float]] = defaultdict(list)
        for at in sorted(samples):
            if at - at % step >= first and at - at % step <= end:
                buckets[at - at % step].append(samples[at])
        rows = [(at, min(v), max(v), sum(v) / len(v), len(v)) for at, v in sorted(buckets.items())]
        t, *rest = zip(*rows, strict=True) if rows else ((),) * 5
        return Line(np.array(t, np.int64), *(np.array(kind, np.float64) for kind in rest))

    def fleet_range(
        self, column: str, start: int, end: int, tier: int, servers: Collection[int]
    ) -> dict[Key, Rolled]:
        keys = sorted({key for held in self.samples.values() for key in held if _meant(key, column)})
        return {key: self._fleet(key, start, end, tier) for key in keys}

    def settled(self, column: str, start: int, end: int, servers: Collection[int]) -> dict[int, Hashable]:
        return {}

    def _fleet(self, key: Key, start: int, end: int, tier: int) -> Rolled:
        lines = {s: self._line(held[key], start, end, tier) for s, held in self.samples.items() if key in held}
        servers = sorted(server for server, line in lines.items() if len(line.t))
        t = np.unique(np.concatenate([lines[server].t for server in servers] or [np.array([], np.int64)]))
        grid = np.full((4, len(t), len(servers)), np.nan)
        grid[3] = 0
        for place, server in enumerate(servers):
            line = lines[server]
            for kind, values in enumerate((line.low, line.high, line.mean, line.count)):
                grid[kind, np.searchsorted(t, line.t), place] = values
        return Rolled(t, np.array(servers, np.int64), *grid)

    def top(self, column: str, start: int, end: int, agg: str, servers: Collection[int]) -> list[Best]:
        high = worse_is_high(column)
        best: dict[int, Best] = {}
        for server in servers:
            for key, samples in self.samples.get(server, {}).items():
                line = self._line(samples, start, end, MINUTES)
                if _meant(key, column) and len(line.t):
                    one = Best(server, key, _over_time(line, agg))
                    if server not in best or (one.value > best[server].value) == high:
                        best[server] = one
        return sorted(best.values(), key=lambda one: (-one.value if high else one.value, one.server))

    def delete_before(self, tier: int, time: int) -> None:
        self.first_kept[tier] = max(self.first_kept[tier], time)
        gone = min(self.first_kept.values())
        for held in self.samples.values():
            for samples in held.values():
                for at in [at for at in samples if at < gone]:
                    del samples[at]

    def kept(self) -> list[Kept]:
        every = [at for held in self.samples.values() for samples in held.values() for at in samples]
        kept = []
        for tier in TIERS:
            times = [at - at % max(1, tier * 1000) for at in every]
            times = [at for at in times if at >= self.first_kept[tier]]
            kept.append(Kept(tier, 0, min(times, default=None), 16 * len(times)))
        return kept


def _meant(key: Key, column: str) -> bool:
    """A bare metric means all its label sets, a column with labels just that one."""
    metric, labels = names.parse(column)
    return key == (metric, labels) or (not labels and key[0] == metric)


def _over_time(line: Line, agg: str) -> float:
    if agg == "avg":
        return float((line.mean * line.count).sum() / line.count.sum())
    return float(line.low.min() if agg == "min" else line.high.max())
