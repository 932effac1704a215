"""Judgement of thresholds: numbers and states in, states out. No Django, no clock, no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

State = Literal["ok", "pending", "firing", "recovering"]
OK, WARN, CRITICAL = 0, 1, 2
NAMES = ("ok", "warn", "critical")


@dataclass(frozen=True, slots=True)
class Limits:
    """A threshold rule as numbers; times in milliseconds."""

    above: bool
    warn: float | None = None
    warn_recover: float | None = None
    critical: float | None = None
    critical_recover: float | None = None
    wait: int = 0
    hold: int = 0

    @property
    def mildest(self) -> float:
        """The limit that is broken first: what the fast sieve compares with."""
        limits = [limit for limit in (self.warn, self.critical) if limit is not None]
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


class Sieve:
    """Which values of many columns deserve a closer look, by the mildest limit of each. NaN never does."""

    def __init__(self, limits: Sequence[Limits]) -> None:
        self.signs = np.array([1.0 if limit.above else -1.0 for limit in limits])
        self.mildest = self.signs * np.array([limit.mildest for limit in limits])

    def breaches(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = values * self.signs > self.mildest
        return found


def step(track: Track, at: int, value: float, limits: Limits) -> Track:
    """Move by one sample. Older samples than the newest judged change nothing; NaN keeps the state."""
    if at <= track.judged or value != value:  # noqa: PLR0124 - the cheapest test for NaN
        return track
    severity = limits.severity(value, track.severity)
    moved = replace(track, judged=at, value=value)
    if severity == OK:
        return _good(moved, at, limits)
    return _bad(moved, at, severity, limits)


def _bad(track: Track, at: int, severity: int, limits: Limits) -> Track:
    if track.state == "ok":
        track = replace(track, state="pending", since=at)
    track = replace(track, severity=severity, good_since=None)
    if track.state == "recovering":
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
