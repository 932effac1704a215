"""Whatever rows come: no crash, no storm, and an honest sentence where there is too little."""

from __future__ import annotations

import numpy as np
import pytest

from ml import budget, pipeline
from ml.drift import drifted
from ml.preprocess import DAY_MS, NotEnough
from ml.stacked import Stack
from tests.ml.made import NAMES, made


def fit(times: np.ndarray, values: np.ndarray) -> pipeline.Model:
    options = pipeline.Options(tick_ms=60_000)
    return pipeline.fit(times, values, NAMES[: values.shape[1]], options=options)


def episodes(tail: np.ndarray) -> int:
    return int((np.diff((np.nan_to_num(tail) > budget.FLOOR).astype(int), prepend=0) > 0).sum())


def nothing() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(0, np.int64), np.zeros((0, 3))


def one_point() -> tuple[np.ndarray, np.ndarray]:
    return np.array([1_795_000_000_000]), np.ones((1, 3))


def all_missing() -> tuple[np.ndarray, np.ndarray]:
    times, values = made(5, 3)
    return times, np.full_like(values, np.nan)


def shuffled() -> tuple[np.ndarray, np.ndarray]:
    times, values = made(5, 3)
    order = np.random.default_rng(0).permutation(len(times))
    return times[order], values


def always_now() -> tuple[np.ndarray, np.ndarray]:
    times, values = made(5, 3)
    return np.full_like(times, times[0]), values


@pytest.mark.parametrize("bad", [nothing, one_point, all_missing, shuffled, always_now])
def test_too_little_is_said_in_a_sentence(bad: object) -> None:
    with pytest.raises(NotEnough) as caught:
        fit(*bad())  # type: ignore[operator]
    assert caught.value.reason.endswith(".")
    assert caught.value.reason[0].isupper()


def constant(values: np.ndarray) -> np.ndarray:
    return np.full_like(values, 7.0)


def one_constant(values: np.ndarray) -> np.ndarray:
    return np.where(np.arange(values.shape[1]) == 1, 0.0, values)


def laden(values: np.ndarray) -> np.ndarray:
    return np.where(np.random.default_rng(3).random(values.shape) < 0.3, np.nan, values)


def a_metric_never_there(values: np.ndarray) -> np.ndarray:
    return np.where(np.arange(values.shape[1]) == 2, np.nan, values)


def infinite(values: np.ndarray) -> np.ndarray:
    return np.where(np.random.default_rng(4).random(values.shape) < 0.05, np.inf, values)


def doubled(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[:, :1], values.shape[1], 1)


def huge(values: np.ndarray) -> np.ndarray:
    return values * 1e15


@pytest.mark.parametrize("odd", [constant, one_constant, laden, a_metric_never_there, infinite, doubled, huge])
def test_odd_metrics_are_learned_without_a_storm(odd: object) -> None:
    times, values = made(96, 6)
    values = odd(values)  # type: ignore[operator]
    model = pipeline.Model.unpack(fit(times[:4320], values[:4320]).pack())
    found = pipeline.replay(model, times[4320:], values[4320:])
    assert episodes(found.tail) <= 6, "a day"
    assert np.isfinite(found.tail).mean() > 0.5


def test_rows_twice_from_the_past_and_from_the_future_change_nothing() -> None:
    times, values = made(30, 4)
    clean = fit(times, values)
    where = np.r_[np.arange(900), 400, 899, np.arange(900, len(times))]
    spoiled = times[where].copy()
    spoiled[100] = times[-1] + 365 * DAY_MS  # in place of a row
    dirty = fit(spoiled, values[where])
    assert dirty.to_ms == clean.to_ms
    np.testing.assert_allclose(dirty.scale.median, clean.scale.median, rtol=0.01)


def test_a_server_that_was_away_for_a_week_comes_back_calmly() -> None:
    times, values = made(24 * 11, 6)
    model = fit(times[:4320], values[:4320])
    stack = Stack()
    stack.put(1, model)
    keep = np.r_[4320:4400, 4400 + 7 * 1440 : 4400 + 7 * 1440 + 120]
    tails = [stack.tick(int(times[row]), [1], values[row][None]).tail[0] for row in keep]
    assert episodes(np.array(tails)[80:]) == 0


def test_other_columns_than_learned_are_missing_and_too_few_are_not_judged() -> None:
    times, values = made(30, 8)
    model = fit(times[:1500], values[:1500])
    values[1500:, 3:] = np.nan
    found = pipeline.replay(model, times[1500:], values[1500:])
    assert np.isnan(found.tail[10:]).all()


def test_one_series_that_stops_is_odd_by_itself_for_an_hour() -> None:
    times, values = made(30, 8)
    model = fit(times[:1500], values[:1500])
    values[1600:, 5] = np.nan
    tail = pipeline.replay(model, times[1500:], values[1500:]).tail
    assert (tail[108:160] > budget.FLOOR).all()
    assert (tail[175:] < budget.FLOOR).mean() > 0.9
    assert (tail[:100] < budget.FLOOR).all()


def test_what_was_masked_is_not_learned() -> None:
    times, values = made(30, 4)
    values[300:500] += 500
    mask = (np.arange(len(times)) >= 300) & (np.arange(len(times)) < 500)
    options = pipeline.Options(tick_ms=60_000)
    masked = pipeline.fit(times, values, NAMES[:4], mask=mask, options=options)
    assert masked.scale.high.max() < 200


def test_slow_drift_is_seen_against_the_days_of_learning() -> None:
    times, values = made(24 * 9, 5)
    model = fit(times[:4320], values[:4320])
    assert drifted(model, times[4320:5800], values[4320:5800]) == ()
    values[:, 3] += np.maximum(np.arange(len(times)) - 4320, 0) * 0.01
    found = drifted(model, times, values)
    assert [drift.column for drift in found] == [NAMES[3]]
    assert found[0].strays > 4
    assert found[0].now > found[0].was


def test_nightly_recalibration_absorbs_what_became_usual() -> None:
    times, values = made(24 * 9, 6)
    model = fit(times[:4320], values[:4320])
    values[5000:] += np.random.default_rng(1).normal(0, 3, values[5000:].shape)  # noisier for good
    later = slice(5000 + 2 * 1440, 5000 + 4 * 1440)
    before = pipeline.replay(model, times[later], values[later]).tail
    fresh = pipeline.recalibrated(model, times[5000 : later.start], values[5000 : later.start])
    assert np.nanmean(pipeline.replay(fresh, times[later], values[later]).tail) < 0.8 * np.nanmean(before)
    assert pipeline.recalibrated(model, times[:5], values[:5]) is model
