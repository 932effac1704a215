"""The share of time up, with unknown time apart, against sums by hand."""

from __future__ import annotations

import numpy as np
import pytest

from checks import standing, uptime

STEP = 30_000


def times(*seconds: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(seconds, np.int64) * 1000


def values(*found: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(found, np.float64)


def test_up_down_and_unknown_add_up() -> None:
    # Samples at 0..90 s, then the hub is away until 600 s; down from 630 s to 690 s.
    t = times(0, 30, 60, 90, 600, 630, 660, 690)
    found = uptime.known(t, values(1, 1, 1, 1, 1, 0, 0, 1), 720_000, STEP).share(0, 720_000)
    assert (found.up, found.down) == (90 + 75 + 30 + 30, 60)
    assert found.unknown == 720 - found.up - found.down
    assert found.percent == pytest.approx(100 * 225 / 285)


def test_pieces_that_are_bad_and_unknown_add_up_as_the_share_does() -> None:
    t = times(0, 30, 60, 90, 600, 630, 660, 690)
    known = uptime.known(t, values(1, 1, 1, 1, 1, 0, 0, 1), 720_000, STEP)
    assert known.bad(0, 720_000) == [(630_000, 660_000), (660_000, 690_000)]
    assert known.unknown(-10_000, 720_000) == [(-10_000, 0), (165_000, 600_000)]
    assert known.bad(640_000, 650_000) == [(640_000, 650_000)]
    assert uptime.nothing().unknown(0, 10) == [(0, 10)]


def test_nothing_known_is_no_percentage() -> None:
    assert uptime.known(times(), values(), 60_000, STEP).share(0, 60_000).percent is None
    assert uptime.known(times(0, 30), values(np.nan, np.nan), 60_000, STEP).share(0, 60_000).unknown == 60


def test_a_sample_before_the_beginning_counts_into_it() -> None:
    found = uptime.known(times(-20, 10), values(0, 1), 40_000, STEP).share(0, 40_000)
    assert (found.up, found.down, found.unknown) == (30, 10, 0)


def test_pieces_add_up_to_the_whole() -> None:
    t = times(*range(0, 3600, 30))
    v = values(*([1.0] * 60 + [0.0] * 60))
    known = uptime.known(t, v, 3_600_000, STEP)
    cut, whole = known.shares(0, 3_600_000, 12), known.share(0, 3_600_000)
    assert sum(one.up for one in cut) == whole.up == 1800
    assert [one.percent for one in cut] == [100.0] * 6 + [0.0] * 6


def test_buckets_say_the_same_as_samples() -> None:
    v = values(*([1.0] * 100 + [0.0] * 20))
    buckets = v.reshape(-1, 10)
    found = uptime.of_buckets(
        times(*range(0, 3600, 300)), buckets.mean(axis=1), values(*([10.0] * 12)), (300_000, STEP)
    ).share(0, 3_600_000)
    assert (found.up, found.down, found.unknown) == (3000, 600, 0)


def test_failures_count_as_down_only_after_the_retries() -> None:
    now = standing.Standing()
    states = []
    for place, ok in enumerate([False, True, False, False, True, False, False, False, True]):
        now = standing.after(now, ok=ok, at=1000 + place, retries=2, window=600)
        states.append(now.state)
    assert states == ["new", "up", "failing", "failing", "up", "failing", "failing", "down", "up"]
    assert standing.error_percent(standing.kept((1, -2, -3, 4), 4, 3)) == pytest.approx(100 * 2 / 3)


def test_while_a_check_is_down_it_does_not_fail_often_as_well_nor_right_after() -> None:
    now = standing.Standing()
    told = []
    for place, ok in enumerate([True, False, True, False, False, True, True]):
        now = standing.after(now, ok=ok, at=1000 + place, retries=1, window=600)
        told.append(standing.told_percent(now.state, now.recent))
    assert told[:4] == pytest.approx([0, 50, 100 / 3, 50])
    assert np.isnan(told[4])
    assert told[5:] == [0, 0]


def test_turns_are_spread_over_the_interval_and_missed_ones_are_left_out() -> None:
    turns = [standing.next_turn(number, 30, 1_000_000.0) for number in range(1, 1001)]
    counts = np.bincount([int(one % 30) for one in turns], minlength=30)
    assert counts.min() >= 30
    assert counts.max() <= 37
    for number in (1, 7, 999):
        first = standing.next_turn(number, 60, 5000.0)
        assert standing.next_turn(number, 60, first) == pytest.approx(first + 60)
        assert standing.next_turn(number, 60, first + 6010) == pytest.approx(first + 6060)
