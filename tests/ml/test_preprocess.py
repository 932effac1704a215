"""What happens to rows before anything is learned from them or judged by it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ml import preprocess as pre

START = 1_795_000_000_000


def test_rows_that_jump_back_or_come_twice_are_dropped_as_they_come() -> None:
    times = np.array([10, 20, 20, 15, 30, 25, 40])
    assert pre.onward(times).tolist() == [0, 1, 4, 6]


def test_one_row_from_the_future_does_not_cost_all_that_follow() -> None:
    times = np.array([10, 20, 9_999, 30, 40, 50])
    assert times[pre.rising(times)].tolist() == [10, 20, 30, 40, 50]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 50), max_size=40))
def test_what_is_kept_of_any_times_rises(times: list[int]) -> None:
    given_times = np.array(times, np.int64)
    for kept in (pre.rising(given_times), pre.onward(given_times)):
        assert (np.diff(given_times[kept]) > 0).all()
    assert len(pre.rising(given_times)) >= len(pre.onward(given_times))


def test_a_minute_keeps_its_first_row_and_never_a_mean() -> None:
    times = START // 60_000 * 60_000 + np.arange(12) * 10_000
    slots, rows = pre.gridded(times, np.arange(12.0)[:, None], 60_000)
    assert rows[:, 0].tolist() == [0, 6]
    assert (slots % 60_000 == 0).all()


def test_three_missing_steps_are_carried_and_the_fourth_is_missing() -> None:
    column = np.array([1.0, *[np.nan] * 5, 2.0])[:, None]
    np.testing.assert_array_equal(pre.carried(column)[:, 0], [1, 1, 1, 1, np.nan, np.nan, 2])


def test_a_counter_that_was_reset_says_nothing_of_that_step() -> None:
    times = np.arange(5) * 10_000
    values = np.array([[100.0], [200], [300], [50], [150]])
    rate = pre.rates(times, values, pre.counters(('seen_total{nic="eth0"}',)))[:, 0]
    np.testing.assert_array_equal(rate, [np.nan, 10, 10, np.nan, 10])


def test_what_hardly_moves_does_not_explode() -> None:
    rows = np.full((500, 2), 1e9)
    rows[::50, 1] += 1
    found = pre.scale(rows)
    assert (found.spread >= 1e6).all()


def test_a_metric_that_was_never_there_is_never_odd() -> None:
    found = pre.scale(np.full((50, 1), np.nan))
    assert ((5.0 - found.median) / found.spread == 0).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(-30, 30)), min_size=1, max_size=200), st.floats(0.001, 0.5))
def test_the_slow_level_is_the_plain_recursion(values: list[float | None], pace: float) -> None:
    column = np.array([np.nan if value is None else value for value in values])
    before, after = pre.levelled(column[:, None], np.zeros(1), pace)
    known = column[~np.isnan(column)]
    level = known[0] if len(known) and abs(known[0]) > pre.NEAR else 0.0
    last = level
    for row, value in enumerate(column):
        np.testing.assert_allclose(before[row, 0], level, atol=1e-9)
        last = last if np.isnan(value) else value
        level += pace * (last - level)
    np.testing.assert_allclose(after[0], level, atol=1e-9)


def test_the_week_begins_on_monday() -> None:
    monday = np.array([1_795_996_800_000])  # 2026-11-30 00:00 UTC
    assert pre.hour_of(monday, 168).tolist() == [0]
    assert pre.hour_of(monday + 25 * 3_600_000, 24).tolist() == [1]


def test_many_series_that_stop_together_are_another_layout_and_one_that_stops_is_silent() -> None:
    always = np.ones(12, bool)
    gone = np.zeros((1, 12), np.int64)
    gone[0, 0] = 40
    assert pre.silent(gone, always, 10_000).tolist() == [True]
    gone[0, :6] = 40
    assert pre.silent(gone, always, 10_000).tolist() == [False]
    gone[0, 1:] = 0
    gone[0, 0] = 1000
    assert pre.silent(gone, always, 10_000).tolist() == [False], "no news any more"
