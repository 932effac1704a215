"""How a check stands after each try: retries before it is down, and its share of errors. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST_RECENT = 400
SOON = 10
"""Seconds to the next try while a failure is not yet believed, or the interval where that is less."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a check that somebody looks at."""

    state: str = "new"
    failures: int = 0
    recent: tuple[int, ...] = ()


def after(before: Standing, *, ok: bool, at: float, retries: int, window: int) -> Standing:
    """One more try; a failure counts as down only when it was seen once more than there are retries."""
    recent = kept(before.recent, at, window)
    mark = max(1, int(at))
    recent = (*recent, mark if ok else -mark)[-MOST_RECENT:]
    if ok:
        # What made it down was told as that: how often it fails is counted anew, else it is told twice.
        return Standing("up", 0, recent[-1:] if before.state == "down" else recent)
    failures = before.failures + 1
    believed = failures > retries or before.state == "down"
    unknown = "new" if before.state == "new" else "failing"
    return Standing("down" if believed else unknown, failures, recent)


def kept(recent: Sequence[int], at: float, window: int) -> tuple[int, ...]:
    return tuple(one for one in recent if at - window < abs(one) <= at)


def error_percent(recent: Sequence[int]) -> float | None:
    return 100.0 * sum(one < 0 for one in recent) / len(recent) if recent else None


def told_percent(state: str, recent: Sequence[int]) -> float:
    """The value of check_error_percent: nothing while it is down, as one trouble is told once."""
    found = error_percent(recent)
    return float("nan") if state == "down" or found is None else found


def up(state: str) -> float:
    """The value of check_up: while a failure is not believed, what was believed before it."""
    if state == "new":
        return float("nan")
    return 0.0 if state == "down" else 1.0


def offset(number: int, interval: int) -> float:
    """Where in its interval a check has its turn: spread evenly whatever the interval is, and the same for good."""
    return (number * 0.6180339887498949 % 1.0) * interval


def next_turn(number: int, interval: int, now: float) -> float:
    """The first turn after now; what was missed meanwhile is not made up for."""
    place = offset(number, interval)
    turns = (now - place) // interval + 1
    found = turns * interval + place
    return found if found > now + 0.5 else found + interval  # a hair before its turn is this turn
