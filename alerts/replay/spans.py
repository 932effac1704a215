"""From samples to what people count: how often it would have fired, how long, at night. No Django, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from alerts import engine
from alerts.engine import NAMES, Floats, Ints, Limits, Move, Track

STEP = 300_000
SHORT = 600_000
NIGHT = (22, 7)

Labels = tuple[tuple[str, str], ...]
Samples = tuple[Ints, Floats]
NONE: Samples = (np.array([], np.int64), np.array([], np.float64))


@dataclass(frozen=True, slots=True)
class Span:
    """One time that it would have been told, until it was over; `end` is empty while it goes on."""

    server: int
    labels: Labels
    start: int
    end: int | None
    severity: str
    peak: float


@dataclass(frozen=True, slots=True)
class Material:
    """One series: buckets of five minutes where samples are gone, samples behind them, and how often they come."""

    server: int
    labels: Labels
    every: int
    buckets: Samples = NONE
    samples: Samples = NONE


def judge(line: Material, limits: Limits, end: int) -> list[Span]:
    """By the engine that judges what comes in; a bucket counts as if it were so for all its five minutes."""
    buckets = _whole(line.buckets)
    old = engine.run(*buckets, _halved(limits), every=STEP)
    moves = [*old, *engine.run(*line.samples, limits, _track(old, line), every=line.every, end=end)]
    told = np.concatenate([buckets[0], line.samples[0]]), np.concatenate([buckets[1], line.samples[1]])
    return _spans(line, told, moves, above=limits.above)


def stands(line: Material, limits: Limits) -> bool:
    """Whether something is wrong at the end of its buckets."""
    moves = engine.run(*_whole(line.buckets), _halved(limits), every=STEP)
    return bool(moves) and moves[-1].state != "ok"


def _whole(buckets: Samples) -> Samples:
    """A bucket as two samples, at its beginning and its end."""
    times, values = buckets
    return np.stack([times, times + STEP - 1], axis=1).ravel(), np.repeat(values, 2)


def _halved(limits: Limits) -> Limits:
    """Buckets are held in half the size: what was equal to a limit still is."""
    named = ("warn", "warn_recover", "critical", "critical_recover")
    halves = {name: float(np.float32(value)) for name in named if (value := getattr(limits, name)) is not None}
    return replace(limits, **halves)  # type: ignore[arg-type]


def _track(moves: Sequence[Move], line: Material) -> Track:
    """Where it stands behind its buckets, to go on with its samples."""
    last = int(line.buckets[0][-1]) + STEP - 1 if len(line.buckets[0]) else 0
    if len(line.samples[0]):
        last = min(last, int(line.samples[0][0]) - 1)
    if not moves or moves[-1].state == "ok":
        return Track()
    now, since = moves[-1], moves[-1].at
    for move in reversed(moves):
        if move.state == "ok":
            break
        since = move.at
    good_since = now.at if now.state == "recovering" else None
    return Track(now.state, now.severity, since, good_since, last, now.value)


def _spans(line: Material, told: Samples, moves: Sequence[Move], *, above: bool) -> list[Span]:
    """From each time it was told to its end: what comes back while it recovers is the same trouble."""
    found: list[Span] = []
    start, severity = -1, 0
    for move in moves:
        if move.state == "firing":
            start, severity = (move.at if start < 0 else start), max(severity, move.severity)
        elif move.state == "ok" and start >= 0:
            found.append(Span(line.server, line.labels, start, move.at, NAMES[severity], 0.0))
            start, severity = -1, 0
    if start >= 0:
        found.append(Span(line.server, line.labels, start, None, NAMES[severity], 0.0))
    return [_with_peak(one, told, above=above) for one in found]


def _with_peak(span: Span, told: Samples, *, above: bool) -> Span:
    times, values = told
    first = max(0, int(np.searchsorted(times, span.start, "right")) - 1)
    last = len(times) if span.end is None else max(int(np.searchsorted(times, span.end)), first + 1)
    known = values[first:last][~np.isnan(values[first:last])]
    peak = float(known.max() if above else known.min()) if len(known) else float("nan")
    return Span(span.server, span.labels, span.start, span.end, span.severity, peak)


def at_night(found: Iterable[Span], zone: ZoneInfo) -> int:
    hours = (datetime.fromtimestamp(one.start / 1000, UTC).astimezone(zone).hour for one in found)
    return sum(hour >= NIGHT[0] or hour < NIGHT[1] for hour in hours)


def short(found: Iterable[Span]) -> int:
    return sum(one.end is not None and one.end - one.start < SHORT for one in found)


def troubles(found: Iterable[Span], *, by_server: bool) -> int:
    """What is told together is one: overlapping times of one rule, or of one server where it is grouped so."""
    count = 0
    until: dict[int, float] = {}
    for one in sorted(found, key=lambda span: span.start):
        group = one.server if by_server else 0
        count += one.start > until.get(group, -1)
        until[group] = max(until.get(group, -1), float("inf") if one.end is None else one.end)
    return count
