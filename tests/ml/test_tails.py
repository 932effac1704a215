"""How rare a score is, and the threshold that a wish for quiet makes of it."""

from __future__ import annotations

import numpy as np
import pytest

from ml import budget, tails


def test_a_score_that_one_row_in_a_hundred_reaches_has_a_tail_of_two() -> None:
    usual = np.random.default_rng(0).exponential(size=20_000)
    found = tails.look_up(*tails.table(usual), np.quantile(usual, [0.5, 0.9, 0.99, 0.999]))
    np.testing.assert_allclose(found, [0.3, 1, 2, 3], atol=0.15)


@pytest.mark.parametrize(
    "usual", [np.zeros(100), np.full(100, 7.0), np.arange(3.0), np.r_[np.zeros(990), np.ones(10)]]
)
def test_tables_rise_whatever_was_usual(usual: np.ndarray) -> None:
    scores, depths = tails.table(usual)
    assert (np.diff(scores) > 0).all()
    assert (np.diff(depths) >= 0).all()
    assert depths[-1] == tails.CAP


def test_nothing_learned_makes_nothing_odd() -> None:
    assert tails.look_up(*tails.table(np.full(10, np.nan)), np.array([0.0, 5, 1e6])).max() == 0


def test_a_score_seen_as_often_as_any_is_not_odd_though_all_were_the_same() -> None:
    assert tails.look_up(*tails.table(np.zeros(500)), np.zeros(1))[0] < 1.5


def test_fewer_wanted_alerts_make_a_higher_threshold() -> None:
    hours = np.random.default_rng(1).exponential(1.5, 24 * 14)
    wanted = [budget.threshold(hours, per_week) for per_week in (1, 7, 30)]
    assert wanted == sorted(wanted, reverse=True)
    crossed = (hours > budget.threshold(hours, 7)).sum()
    assert crossed == pytest.approx(2 * 7 * budget.CANDIDATES, abs=2)


def test_a_calm_or_new_server_stands_on_the_floor() -> None:
    assert budget.threshold(np.zeros(500)) == budget.FLOOR
    assert budget.threshold(np.full(23, 5.0)) == budget.FLOOR
    assert budget.threshold(np.full(200, np.nan)) == budget.FLOOR
