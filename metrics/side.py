"""One metric of many servers side by side, as JSON: whole hours are kept as text, to write is most of the work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec
import numpy as np

from metrics import rollups
from metrics.base import HOURS, MINUTES, Floats, Ints, Store
from metrics.database import slices
from metrics.described import worse_is_high
from metrics.ready import OF_ENTRY, ready
from metrics.rollups import Rolled

HOUR = HOURS * 1000
STEP = MINUTES * 1000


@dataclass(frozen=True)
class Asked:
    """A table: the times (their step in milliseconds) by the servers, in order of their numbers."""

    column: str
    agg: str
    t: Ints
    step: int
    servers: Ints


def text(store: Store, asked: Asked) -> bytes:
    """A list of a list for each server."""
    if not len(asked.servers):
        return b"[]"
    if asked.step != STEP:
        return msgspec.json.encode(values(store, asked, int(asked.t[0]), int(asked.t[-1])).T.tolist())
    by_server = zip(*_hours(store, asked), strict=True)
    return b"[[" + b"],[".join(map(b",".join, by_server)) + b"]]"


def values(store: Store, asked: Asked, start: int, last: int) -> Floats:
    """From one of the times to another, a row a time; where several label sets have a value, the worse."""
    t = np.arange(start, last + 1, asked.step)
    grid = np.full((len(t), len(asked.servers)), np.nan)
    tier = HOURS if asked.step % HOUR == 0 else MINUTES
    for begin, until in slices(start, last + asked.step - 1, tier, asked.step):
        found = store.fleet_range(asked.column, begin, until, tier, asked.servers.tolist())
        for rolled in found.values():
            _put(grid, t, asked, rolled)
    return grid


def _put(grid: Floats, t: Ints, asked: Asked, rolled: Rolled) -> None:
    """The cells of the servers one may see."""
    if len(rolled.t) and np.any(rolled.t % asked.step):
        rolled = rollups.coarser(rolled, asked.step)
    some = np.flatnonzero(np.isin(rolled.series, asked.servers))
    inside = (rolled.t >= t[0]) & (rolled.t <= t[-1])
    if len(some) and inside.any():
        cells = np.ix_((rolled.t[inside] - t[0]) // asked.step, np.searchsorted(asked.servers, rolled.series[some]))
        kind = {"avg": rolled.mean, "min": rolled.low, "max": rolled.high}[asked.agg]
        worse = np.fmax if worse_is_high(asked.column) else np.fmin
        grid[cells] = worse(grid[cells], kind[np.ix_(inside, some)])


# Five minutes each: an hour at a time


def _hours(store: Store, asked: Asked) -> Iterator[list[bytes]]:
    """A text a server, hour after hour; those that are not ready are read together where they are neighbours."""
    start, last = int(asked.t[0]), int(asked.t[-1])
    spans = range(start - start % HOUR, last + 1, HOUR)
    marks = store.settled(asked.column, start, last, asked.servers.tolist())
    who = blake2b(asked.servers.tobytes(), digest_size=16).digest()
    keys = {hour: (asked.column, asked.agg, who, hour) for hour in spans}
    found = {hour: ready.get(keys[hour], marks[hour]) for hour in spans if hour in marks}
    for first, end in _gaps([hour for hour in spans if found.get(hour) is None]):
        until = end + HOUR - STEP if end in marks else min(last, end + HOUR - STEP)
        table = values(store, asked, first, until)
        for hour in range(first, end + 1, HOUR):
            at = (hour - first) // STEP
            found[hour] = _written(table[at : at + HOUR // STEP])
            if hour in marks:
                ready.put(keys[hour], marks[hour], found[hour], len(found[hour]) + OF_ENTRY)
    for hour in spans:
        yield _cut(found[hour], max(0, (start - hour) // STEP), min(HOUR, last + STEP - hour) // STEP)


def _gaps(hours: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Neighbours as first and last."""
    begin = 0
    for place, hour in enumerate(hours):
        if place + 1 == len(hours) or hours[place + 1] != hour + HOUR:
            yield hours[begin], hour
            begin = place + 1


def _written(table: Floats) -> bytes:
    """The numbers of each server, parted by commas; a line a server."""
    return msgspec.json.encode(table.T.tolist())[2:-2].replace(b"],[", b"\n")


def _cut(lines: bytes, first: int, end: int) -> list[bytes]:
    """Of an hour the times that are asked for."""
    rows = lines.split(b"\n")
    if first:
        rows = [row.split(b",", first)[first] for row in rows]
    left = rows[0].count(b",") + 1 - (end - first)
    return [row.rsplit(b",", left)[0] for row in rows] if left > 0 else rows
