"""When finite things run out: the engine by tables, and the way from stored samples to a message."""

from __future__ import annotations

import numpy as np
import pytest

from ml import forecast, rightsizing, risk
from ml.forecast import DAY
from ml.foretell import running_out

DRAW = np.random.default_rng(3)


def growing(days: int, start: float, a_day: float, noise: float = 0.0) -> np.ndarray:
    return start + a_day * np.arange(days) + noise * DRAW.standard_normal(days)


def test_steady_growth_is_told_with_its_time_and_interval() -> None:
    said = forecast.judge(growing(32, 10, 1.0, 0.05), 60.0, DAY)
    assert said.state == "predictable"
    assert said.left is not None
    assert said.low is not None
    assert said.high is not None
    assert said.low <= said.left <= said.high
    assert said.left / DAY == pytest.approx(19, abs=1.5)
    assert said.error is not None
    assert said.error < 0.1
    assert dict(said.chances)["two_weeks"] < 0.1


def test_a_limit_within_two_weeks_is_almost_sure() -> None:
    said = forecast.judge(growing(32, 10, 1.0, 0.05), 50.0, DAY)
    assert dict(said.chances)["two_weeks"] > 0.95
    assert dict(said.chances)["day"] < 0.05


@pytest.mark.parametrize(
    ("levels", "state"),
    [
        (np.array([]), "not_enough"),
        (np.array([np.nan] * 9), "not_enough"),
        (np.array([1.0]), "not_enough"),
        (growing(4, 1, 1), "not_enough"),
        (np.full(32, 40.0), "never"),
        (growing(32, 50, -0.5), "never"),
        (growing(32, 10, 1e-5), "never"),
        (40 + 10 * DRAW.standard_normal(32), "not_predictable"),
        (np.r_[np.full(20, np.nan), growing(12, 10, 4.0)], "predictable"),
        (np.r_[np.full(20, np.nan), growing(12, 10, 0.5)], "unclear"),
        (np.where(np.arange(32) % 5 == 2, np.nan, growing(32, 10, 1.0)), "predictable"),
    ],
)
def test_states_are_honest(levels: np.ndarray, state: str) -> None:
    if len(levels) == 32 and np.ptp(np.nan_to_num(levels)) > 30 and state == "not_predictable":
        assert forecast.judge(levels, 100.0, DAY).state in {"not_predictable", "never"}
    else:
        assert forecast.judge(levels, 100.0, DAY).state == state


def test_a_saw_tooth_says_nothing() -> None:
    teeth = 20 + 8.0 * (np.arange(32.0) % 7)
    for end in range(20, 33):
        said = forecast.judge(teeth[:end], 90.0, DAY)
        assert (said.state, said.reason) == ("not_predictable", "saw_tooth"), end


def test_a_saw_tooth_that_is_no_longer_cut_begins_anew() -> None:
    teeth = 20 + 8.0 * (np.arange(22) % 7)
    said = forecast.judge(np.r_[teeth, 28 + 8.0 * np.arange(8)], 120.0, DAY)
    assert said.state == "predictable"


def test_whoever_cleans_up_begins_anew() -> None:
    before, after = growing(22, 10, 3.0), growing(10, 5, 1.0)
    said = forecast.judge(np.r_[before, after], 100.0, DAY)
    assert said.per_day == pytest.approx(1.0)
    assert forecast.judge(np.r_[before, after[:3]], 100.0, DAY).reason == "began_anew"


@pytest.mark.parametrize("phase", [8.0, 25.0, 42.0, 53.0])
@pytest.mark.parametrize("days", [7, 10, 32])
def test_a_steep_saw_tooth_is_seen_though_days_meet_it_anywhere(phase: float, days: int) -> None:
    """Up by 17 a day for three days, then down, always before the limit: it hurries, and never arrives."""
    before = np.arange(days * 24)[::-1] / 24
    hourly = np.r_[np.full((32 - days) * 24, np.nan), 40 + (phase - 17 * before) % 54]
    said = running_out.look(hourly, 100.0)
    assert said.left is None
    assert dict(said.chances).get("two_weeks", 0.0) < risk.RAISED


def test_one_rise_that_fell_back_is_a_doubt_and_no_high_risk() -> None:
    before = np.arange(5 * 24)[::-1] / 24
    hourly = np.r_[np.full(27 * 24, np.nan), 40 + (42 - 17 * before) % 54]
    said = running_out.look(hourly, 100.0)
    assert (said.state, said.reason) == ("predictable", "fell_back")
    assert said.left is not None
    assert said.left / 3600 == pytest.approx(25.4, abs=1)
    assert max(chance for _name, chance in said.chances) < risk.HIGH
    lower = np.where(np.arange(len(hourly)) < len(hourly) - 60, hourly - 30, hourly)
    assert running_out.look(lower, 100.0).reason == "", "it never was as high as this"


def test_an_interval_widens_the_further_it_looks_beyond_what_was_seen() -> None:
    straight = 10 + np.arange(32.0)
    near, far = (forecast.judge(straight, limit, DAY) for limit in (51.0, 91.0))
    assert near.left and near.low and near.high and far.left and far.low and far.high  # noqa: PT018 - one thought
    assert (near.high - near.low) / near.left > 0.15
    assert (far.high - far.low) / far.left > 1.5 * (near.high - near.low) / near.left
    of_a_week = forecast.judge(straight[-8:], 190.0, DAY)
    assert (of_a_week.state, of_a_week.high) == ("unclear", None)
    doubled = forecast.what_if(near, 51.0, larger=2.0)
    assert doubled.left and doubled.low  # noqa: PT018 - one thought
    assert doubled.low / doubled.left < near.low / near.left


def test_an_error_is_told_with_how_many_forecasts_it_comes_from() -> None:
    said = forecast.judge(growing(32, 10, 1.0, 0.05), 60.0, DAY)
    assert (said.scored, said.span) == (forecast.ORIGINS, 31 * DAY)
    few = forecast.judge(growing(9, 10, 1.0), 30.0, DAY)
    assert (few.scored, few.span) == (2, 8 * DAY)
    assert forecast.judge(growing(6, 10, 1.0), 30.0, DAY).error is None, "none of them could be scored"


def test_growth_that_was_never_foreseen_is_not_claimed() -> None:
    wild = np.cumsum(np.where(np.arange(32) % 9 < 2, 12.0, 0.0))
    said = forecast.judge(wild, 200.0, DAY)
    assert said.state in {"not_predictable", "unclear"}


def test_what_if_moves_time_and_interval_together() -> None:
    said = forecast.judge(growing(32, 10, 1.0, 0.05), 60.0, DAY)
    twice = forecast.what_if(said, 60.0, growth=2.0)
    larger = forecast.what_if(said, 60.0, larger=2.0)
    assert said.left and twice.left and larger.left and twice.low  # noqa: PT018 - one thought
    assert twice.left == pytest.approx(said.left / 2)
    assert larger.left - said.left == pytest.approx(60 * DAY, rel=0.1)
    assert twice.low < twice.left
    assert forecast.what_if(said, 60.0, growth=0.0).state == "never"


def test_strange_numbers_break_nothing() -> None:
    for levels in ([np.inf] * 20, [-1e300] * 9 + [1e300] * 9, [0.0] * 30 + [np.nan], list(range(30, 0, -1))):
        with np.errstate(all="ignore"):
            said = forecast.judge(np.array(levels, float), 100.0, DAY)
        assert said.state in {"predictable", "unclear", "not_predictable", "never", "not_enough"}


def test_reasons_add_up_to_a_risk() -> None:
    some = [
        risk.Evidence("near", "cpu_used_percent", "", 0.3, 80, 95),
        risk.Evidence("disk", "", "sda", 0.12, 1, None),
    ]
    judged = risk.together(some)
    assert (judged.state, judged.percent) == ("raised", 38.4)
    assert [one.kind for one in judged.evidence] == ["near", "disk"]
    assert risk.together([]).state == "not_enough"
    assert risk.together([*some, risk.Evidence("met", "x", "", 1.0, 1, 1)]).state == "met"


def test_sizes_that_do_not_fit_are_told() -> None:
    hours = np.arange(24.0 * 14)
    assert rightsizing.judge(1 + hours % 3, np.full(len(hours), 20.0))[0] == "idle"
    assert rightsizing.judge(np.full(len(hours), 97.0), np.full(len(hours), 50.0))[0] == "overloaded"
    assert rightsizing.judge(20 + hours % 24, np.full(len(hours), 50.0))[0] == "fits"
    assert rightsizing.judge(np.full(10, 1.0), np.full(10, 1.0))[0] == "not_enough"
