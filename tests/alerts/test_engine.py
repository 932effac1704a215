"""Thresholds, sentence by sentence: each row is samples in and the states they lead to."""

from __future__ import annotations

import numpy as np
import pytest

from alerts.engine import CRITICAL, OK, WARN, Limits, Sieve, Track, step

NAN = float("nan")
CPU = Limits(above=True, warn=85, warn_recover=75, critical=95, critical_recover=85)


def states(limits: Limits, values: list[float], every: int = 10_000) -> list[tuple[str, int]]:
    track = Track()
    found: list[tuple[str, int]] = []
    for place, value in enumerate(values, 1):
        track = step(track, place * every, value, limits)
        found.append((track.state, track.severity))
    return found


@pytest.mark.parametrize(
    ("limits", "values", "expected"),
    [
        (CPU, [50, 86, 96, 90, 84, 80, 75], [
            ("ok", OK), ("firing", WARN), ("firing", CRITICAL), ("firing", CRITICAL),
            ("firing", WARN), ("firing", WARN), ("ok", OK),
        ]),
        (CPU, [96, NAN, NAN, 70], [("firing", CRITICAL)] * 3 + [("ok", OK)]),
        (CPU, [85, 95], [("ok", OK), ("firing", WARN)]),
        (Limits(above=False, critical=10), [11, 9, 10], [("ok", OK), ("firing", CRITICAL), ("ok", OK)]),
        (Limits(above=True, critical=1, wait=20_000), [2, 2, 2, 0], [
            ("pending", CRITICAL), ("pending", CRITICAL), ("firing", CRITICAL), ("ok", OK),
        ]),
        (Limits(above=True, critical=1, wait=20_000), [2, 0, 2, 2], [
            ("pending", CRITICAL), ("ok", OK), ("pending", CRITICAL), ("pending", CRITICAL),
        ]),
        (Limits(above=True, critical=6, critical_recover=4, wait=20_000), [7, 5, 7, 7, 7, 5, 4], [
            ("pending", CRITICAL), ("ok", OK), ("pending", CRITICAL), ("pending", CRITICAL), ("firing", CRITICAL),
            ("firing", CRITICAL), ("ok", OK),
        ]),
        (Limits(above=True, critical=1, hold=20_000), [2, 0, 2, 0, 0, 0], [
            ("firing", CRITICAL), ("recovering", CRITICAL), ("firing", CRITICAL),
            ("recovering", CRITICAL), ("recovering", CRITICAL), ("ok", OK),
        ]),
    ],
    ids=[
        "hysteresis", "silence keeps", "a limit is not broken at it", "below", "for", "for begins anew",
        "for knows no recovery", "hold",
    ],
)  # fmt: skip
def test_states(limits: Limits, values: list[float], expected: list[tuple[str, int]]) -> None:
    assert states(limits, values) == expected


def test_an_older_sample_changes_nothing() -> None:
    fired = step(Track(), 20_000, 99, CPU)
    assert step(fired, 20_000, 10, CPU) == fired
    assert step(fired, 10_000, 10, CPU) == fired


def test_the_sieve_lets_nothing_through_that_step_would_call_good() -> None:
    column = np.array([84.9, 85, 85.1, 96, NAN, -1e9])
    found = Sieve([CPU, Limits(above=False, warn=0)]).breaches(np.stack([column, column], axis=1))
    assert found[:, 0].tolist() == [False, False, True, True, False, False]
    assert found[:, 1].tolist() == [False] * 5 + [True]
