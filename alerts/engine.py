"""Judgement of one series by one rule: numbers and times in, states out. No Django, no clock, no network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

State = Literal["ok", "pending", "firing", "recovering", "no_data", "error"]
OK, WARN, CRITICAL = 0, 1, 2
NAMES = ("ok", "warn", "critical")

EVERY = 10_000
SLACK = 1_000  # a sample on its way is waited for that much longer than its interval
SILENT = 3  # intervals without a sample
BELIEVED = 60_000  # so old may the last bad sample be when a `for` ends without a newer one
LONGEST_GAP = 3_600_000

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Limits:
    """A rule as numbers; times in milliseconds."""

    above: bool
    warn: float | None = None
    warn_recover: float | None = None
    critical: float | None = None
    critical_recover: float | None = None
    wait: int = 0
    hold: int = 0

    @property
    def mildest(self) -> float:
        """The limit that is broken first: what the fast sieve compares with. Without one nothing ever is."""
        limits = [limit for limit in (self.warn, self.critical) if limit is not None]
        if not limits:
            return float("inf") if self.above else float("-inf")
        return min(limits) if self.above else max(limits)

    def limit(self, severity: int) -> float:
        found = self.critical if severity == CRITICAL else self.warn
        return self.mildest if found is None else found

    def beyond(self, value: float, limit: float | None) -> bool:
        if limit is None:
            return False
        return value > limit if self.above else value < limit

    def severity(self, value: float, before: int) -> int:
        """How bad a value is; once broken, a limit is left only behind its recovery value."""
        for level, limit, recover in (
            (CRITICAL, self.critical, self.critical_recover),
            (WARN, self.warn, self.warn_recover),
        ):
            leave = recover if recover is not None and before >= level else limit
            if self.beyond(value, limit) or (before >= level and limit is not None and self.beyond(value, leave)):
                return level
        return OK


@dataclass(frozen=True, slots=True)
class Track:
    """Where one rule stands on one series."""

    state: State = "ok"
    severity: int = OK
    since: int = 0
    good_since: int | None = None
    judged: int = 0
    value: float = 0.0
    gap: int = -1
    """Between its last two samples; -1 while it was not seen moving."""

    def every(self, usual: int) -> int:
        """When the next sample is to be expected: some series come more seldom than their server reports."""
        return max(usual, self.gap)


@dataclass(frozen=True, slots=True)
class Move:
    """A change of state or severity, at that time of the samples."""

    at: int
    state: State
    severity: int
    value: float


class Sieve:
    """Which values of many columns deserve a closer look, by the mildest limit of each. NaN never does."""

    def __init__(self, limits: Sequence[Limits]) -> None:
        self.signs = np.array([1.0 if limit.above else -1.0 for limit in limits])
        self.mildest = self.signs * np.array([limit.mildest for limit in limits])

    def breaches(self, values: Floats) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = values * self.signs > self.mildest
        return found


def step(track: Track, at: int, value: float, limits: Limits) -> Track:
    """Move by one sample. Older samples than the newest judged change nothing; NaN keeps the state."""
    if at <= track.judged or value != value:  # noqa: PLR0124 - the cheapest test for NaN
        return track
    # What only waits for its `for` holds no limit yet: each of its samples must be beyond.
    severity = limits.severity(value, OK if track.state == "pending" else track.severity)
    gap = min(at - track.judged, LONGEST_GAP) if track.gap >= 0 else 0
    if severity != OK and track.state == "firing":  # what a storm is made of
        return Track("firing", severity, track.since, None, at, value, gap)
    moved = replace(track, judged=at, value=value, gap=gap)
    if severity == OK:
        return _good(moved, at, limits)
    return _bad(moved, at, severity, limits)


def _bad(track: Track, at: int, severity: int, limits: Limits) -> Track:
    if track.state == "ok":
        track = replace(track, state="pending", since=at)
    track = replace(track, severity=severity, good_since=None)
    if track.state in {"recovering", "no_data", "error"}:
        return replace(track, state="firing")
    if track.state == "pending" and at - track.since >= limits.wait:
        return replace(track, state="firing")
    return track


def _good(track: Track, at: int, limits: Limits) -> Track:
    if track.state in {"ok", "pending"}:
        return Track(judged=at, value=track.value)
    good_since = at if track.good_since is None else track.good_since
    if at - good_since >= limits.hold:
        return Track(judged=at, value=track.value)
    return replace(track, state="recovering", good_since=good_since)


# Time that passes without a sample


def due(track: Track, limits: Limits, usual: int = EVERY) -> int | None:
    """When it moves though no sample comes: a `for` or a hold ends, or the silence is long enough to be said."""
    every = track.every(usual)
    silent = track.judged + SILENT * every + 1
    if track.state == "pending":
        at = track.since + limits.wait + every + SLACK
        # What was bad long ago and was not heard of since is neither true nor false: it stays as it is.
        return at if at - track.judged <= max(SILENT * every, BELIEVED) else None
    if track.state == "recovering" and track.good_since is not None:
        return min(silent, track.good_since + limits.hold + every + SLACK)
    return silent if track.state == "firing" else None


def rest(track: Track, at: int, limits: Limits, usual: int = EVERY) -> Track:
    """Where it stands at this time, when nothing newer than its last sample is known."""
    moment = due(track, limits, usual)
    if moment is None or at < moment:
        return track
    if track.state == "pending":
        return replace(track, state="firing")
    if moment < track.judged + SILENT * track.every(usual) + 1:
        return Track(judged=track.judged, value=track.value)
    return replace(track, state="no_data", good_since=None)


def until(track: Track, at: int, limits: Limits, usual: int = EVERY) -> Iterator[tuple[int, Track]]:
    """Every move that time alone makes before a moment, each with its own time."""
    while (moment := due(track, limits, usual)) is not None and moment < at:
        track = rest(track, moment, limits, usual)
        yield moment, track


def silent(track: Track, at: int, quiet: int, late: int, limits: Limits) -> Track:
    """A rule over silence itself: pending from being late on, firing once it lasts as long as `limits.wait`."""
    if at < track.judged:
        return track
    moved = replace(track, judged=at, value=quiet / 1000)
    if quiet <= min(late, limits.wait):
        return _good(moved, at, limits)
    if track.state == "ok":
        moved = replace(moved, state="pending", since=at - quiet)
    severity = WARN if limits.critical is None else CRITICAL
    moved = replace(moved, severity=severity, good_since=None)
    return replace(moved, state="firing") if moved.state != "pending" or quiet >= limits.wait else moved


# The same over the past


def run(
    times: Ints, values: Floats, limits: Limits, track: Track | None = None, *, every: int = EVERY, end: int = 0
) -> list[Move]:
    """What judging these samples one by one, with the time between them and up to the end, would have moved."""
    track = track or Track()
    known = ~np.isnan(values)
    times, values = times[known], values[known]
    hot = np.flatnonzero(Sieve([limits]).breaches(values[:, None])[:, 0])
    found: list[Move] = []
    place = 0
    while True:
        if track.state == "ok":
            # Nothing happens before the next breach; live, the sieve passes over these samples as well.
            ahead = int(np.searchsorted(hot, place))
            place, track = (int(hot[ahead]), Track()) if ahead < len(hot) else (len(times), track)
        if place >= len(times):
            break
        track = _take(found, track, int(times[place]), float(values[place]), (limits, every))
        place += 1
    for moment, after in until(track, end, limits, every):
        _note(found, track, after, moment)
        track = after
    return found


def _take(found: list[Move], track: Track, at: int, value: float, by: tuple[Limits, int]) -> Track:
    for moment, after in until(track, at, *by):
        _note(found, track, after, moment)
        track = after
    after = step(track, at, value, by[0])
    _note(found, track, after, at)
    return after


def _note(found: list[Move], before: Track, after: Track, at: int) -> None:
    if (after.state, after.severity) != (before.state, before.severity):
        found.append(Move(at, after.state, after.severity, after.value))
