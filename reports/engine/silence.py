"""When something was silent or bad: exactly from its samples, as near as counts tell from buckets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from reports.engine.spans import Span, Spans, joined

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SECOND = 1000
NEAR = 6
"""Neighbours on each side that tell a pace."""


def limit(interval: int) -> int:
    """Milliseconds of silence that make a machine down: a minute or 6 intervals, as its reach is judged."""
    return max(60 * SECOND, 6 * interval)


def gaps(times: Ints, within: Span, interval: int, most: int | None = None) -> Spans:
    """Silences among samples, longer than `most`; each sample speaks for the interval after it. Samples around the
    span count: a machine that told less often then was not down between each two.
    """
    start, end = within
    most = most or limit(interval)
    if not len(times):
        return [within] if start < end else []
    edges = np.concatenate([[min(start - interval, int(times[0]))], times, [max(end, int(times[-1]))]])
    steps = np.diff(edges)
    usual = limit(interval) != most
    long = [
        at for at in np.flatnonzero(steps > most).tolist() if usual or steps[at] > limit(_around(times, at, interval))
    ]
    found = ((int(edges[at]) + interval, int(edges[at + 1])) for at in long)
    return joined((max(start, first), min(end, last)) for first, last in found)


def _around(times: Ints, at: int, interval: int) -> int:
    """How often it told about then, where that was steady; else as often as it should."""
    near = np.diff(times[max(0, at - NEAR) : at + NEAR])
    if len(near) < NEAR:
        return interval
    middle = int(np.median(near))
    steady = np.count_nonzero(abs(near - middle) * 5 <= middle) * 2 >= len(near)
    return max(interval, middle) if steady else interval


def suspects(counts: Floats, start: int, step: int, lives: Ints, paces: tuple[Ints, Ints]) -> Bools:
    """Buckets by things in which samples are missing. `lives` has a first and a last moment for each thing, `paces`
    how often it told about then, and how much silence counts.
    """
    intervals, limits = paces
    begins = start + step * np.arange(len(counts), dtype=np.int64)[:, None]
    lived = np.clip(np.minimum(begins + step, lives[1]) - np.maximum(begins, lives[0]), 0, step)
    missing = lived - counts * intervals
    # Half of what counts: a silence that lies in two buckets shows in one of them at least so.
    most = np.minimum(limits // 2, step // 2)
    marked: Bools = missing > np.minimum(most, np.maximum(lived // 2, 1))
    return marked


def runs(marked: Bools) -> Iterator[tuple[int, int]]:
    """Neighbours as first and one behind the last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def estimated(counts: Floats, start: int, step: int, life: Span, interval: int, most: int | None = None) -> Spans:
    """Silences among buckets by how many samples each has: what is missing lies beside an empty neighbour."""
    most, found = most or limit(interval), list[Span]()
    empty = counts == 0
    for place, count in enumerate(counts.tolist()):
        first, last = max(life[0], start + place * step), min(life[1], start + (place + 1) * step)
        missing = int(last - first - count * interval)
        before = place > 0 and (bool(empty[place - 1]) or (bool(found) and found[-1][1] == first))
        after = place + 1 < len(counts) and bool(empty[place + 1])
        # A sample more or less is no silence, but beside one it is its edge.
        if missing <= 0 or (count and not (before or after) and missing < min(most, step // 2)):
            continue
        found.append((first, first + missing) if before and not after else (last - missing, last))
    return [span for span in joined(found) if span[1] - span[0] > most]


def paces(counts: Floats, step: int, interval: int) -> Ints:
    """How often it told about each bucket. One that fills as few as most beside it, alike, told less often then."""
    found = np.full(len(counts), interval, np.int64)
    if pace(counts, step, interval) == interval:
        return found
    padded = np.pad(counts, NEAR, constant_values=-1.0)
    beside = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEAR + 1)
    alike = np.count_nonzero(abs(beside - counts[:, None]) <= np.maximum(1.0, counts / 10)[:, None] - 0.5, axis=1)
    slow = (counts > 0) & (alike > NEAR) & (counts * interval < 0.9 * step)
    found[slow] = (step / counts[slow]).astype(np.int64)
    return found


def pace(counts: Floats, step: int, interval: int) -> int:
    """How often it really told in these buckets, where that is less often than it should now."""
    heard = counts[counts > 0]
    if len(heard) < 6:
        return interval
    usual = float(np.percentile(heard, 90))
    return max(interval, int(step / usual)) if usual * interval < 0.9 * step else interval
