"""What a replay looks at: five-minute buckets of the whole fleet, and samples around what may have fired."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from alerts.engine import Floats, Ints, Limits
from alerts.replay.spans import STEP, Labels, Samples
from metrics.base import MINUTES, RAW, Rolled
from metrics.store import query

HOUR = 3_600_000
DAY = 86_400_000
MOST_CELLS = 10_000_000  # series times buckets held at once: 40 MB

Fits = Callable[[dict[str, str]], bool]
Key = tuple[int, Labels]
Halves = NDArray[np.float32]


def sign(limits: Limits) -> float:
    return 1.0 if limits.above else -1.0


SLOW = 3.0


class Budget:
    """Seconds of a processor that may be spent, thrice that on a busy machine; who is not through says so."""

    def __init__(self, seconds: float) -> None:
        self.cpu, self.clock = time.thread_time() + seconds, time.monotonic() + seconds * SLOW

    def part(self, share: float) -> Budget:
        """For one step of several: so much of what is left."""
        return Budget(min(self.cpu - time.thread_time(), (self.clock - time.monotonic()) / SLOW) * share)

    @property
    def spent(self) -> bool:
        return time.thread_time() > self.cpu or time.monotonic() > self.clock


@dataclass(slots=True)
class Fleet:
    """Of each series one value of every five minutes, NaN where nothing was told; how far back it was read."""

    times: Ints
    start: int
    columns: dict[Key, Halves] = field(default_factory=dict)
    hot: dict[Key, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Hours in which a limit was broken, by the numbers as they are stored."""
    read: dict[Key, list[int]] = field(default_factory=dict)
    """Hours of which samples were asked for."""
    left_out: set[Key] = field(default_factory=set)
    """Series beyond what is held at once."""
    cut: bool = False
    """Time was up before its beginning."""


@dataclass(frozen=True)
class Wanted:
    """What is read: a metric of these servers with fitting labels, and of each bucket what may break the limits."""

    metric: str
    fits: Fits
    servers: frozenset[int]
    limits: Limits
    kind: str = ""
    divisors: Mapping[int, float] | None = None
    """Of a rule per processor: what it cannot be divided by is not judged."""

    def values(self, rolled: Rolled) -> Floats:
        kind = self.kind or ("high" if self.limits.above else "low")
        values: Floats = np.where(rolled.count > 0, getattr(rolled, kind), np.nan)
        return values if self.divisors is None else values / [self.divisor(one) for one in rolled.series.tolist()]

    def divisor(self, server: int) -> float:
        return 1.0 if self.divisors is None else self.divisors.get(server, np.nan)

    def samples(self, server: int, labels: Collection[Labels], span: tuple[int, int]) -> dict[Labels, Samples]:
        """Every sample of these series of one server in this time."""
        named = [one for one in query.store.series(server, [self.metric], *span) if one.key[1] in labels]
        lines = query.store.range(server, named, *span, RAW)
        by = self.divisor(server)
        return {labels: (line.t, line.mean / by) for (_, labels), line in lines.items() if len(line.t)}


def fleet(wanted: Wanted, span: tuple[int, int], budget: Budget) -> Fleet:
    """Day after day from the newest back, until there is nothing older, or no time left."""
    start, end = span[0] - span[0] % STEP, span[1]
    found = Fleet(np.arange(start, end + 1, STEP), end)
    first = query.store.fleet_first(MINUTES)
    start = end if first is None else max(start, first - first % STEP)
    while end > start and not budget.spent:
        begin = max(start, end - end % DAY)
        listed = query.store.fleet_range(wanted.metric, begin, end, MINUTES, wanted.servers)
        for (_, labels), rolled in listed.items():
            if wanted.fits(dict(labels)):
                _take(found, labels, rolled, wanted)
        found.start, end = begin, begin - 1
    found.cut = end > start
    return found


def _take(found: Fleet, labels: Labels, rolled: Rolled, wanted: Wanted) -> None:
    places = (rolled.t - found.times[0]) // STEP
    inside = (places >= 0) & (places < len(found.times))
    places, hours, values = places[inside], (rolled.t - rolled.t % HOUR)[inside], wanted.values(rolled)[inside]
    hot = values * sign(wanted.limits) > sign(wanted.limits) * wanted.limits.mildest
    for column, server in enumerate(rolled.series.tolist()):
        key = server, labels
        if server not in wanted.servers:
            continue
        if key not in found.columns:
            if (len(found.columns) + 1) * len(found.times) > MOST_CELLS:
                found.left_out.add(key)
                continue
            found.columns[key] = np.full(len(found.times), np.nan, np.float32)
        found.columns[key][places] = values[:, column]
        if hot[:, column].any():
            found.hot[key].update(hours[hot[:, column]].tolist())


def hours(told: Fleet, key: Key, limits: Limits, *, since: int, firing: bool) -> list[int]:
    """Hours whose samples decide: from a breach until it is surely over, and as long again as it must be good."""
    named = (limits.warn, limits.warn_recover, limits.critical, limits.critical_recover)
    surely = min(sign(limits) * limit for limit in named if limit is not None)
    values, of, hot = told.columns[key], told.times - told.times % HOUR, told.hot[key]
    warm = set(of[values * sign(limits) >= np.float32(surely)].tolist())
    known = set(of[~np.isnan(values)].tolist())
    tail = 1 + -(-limits.hold // HOUR)
    wanted: list[int] = []
    left = tail if firing else 0
    for hour in range(since - since % HOUR, int(told.times[-1]) + 1, HOUR):
        if hour in hot or (left and hour in warm):
            left = tail
            wanted.append(hour)
        elif left and hour in known:  # what was silent ends nothing
            left -= 1
            wanted.append(hour)
    return wanted


def runs(listed: list[int]) -> Iterator[tuple[int, int]]:
    """Neighbouring hours as one range, both ends included."""
    begin = 0
    for place, hour in enumerate(listed):
        if place + 1 == len(listed) or listed[place + 1] != hour + HOUR:
            yield listed[begin], hour + HOUR - 1
            begin = place + 1
