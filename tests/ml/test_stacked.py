"""The tick says what a replay says, whatever rows come when."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml import pipeline
from ml.stacked import Stack
from tests.ml.made import NAMES, made


def learned(metrics: int, seed: int, step_ms: int, tick_ms: int, **options: object) -> pipeline.Model:
    times, values = made(10, metrics, tick_ms, seed)
    values[:, 0] = np.where(np.random.default_rng(seed).random(len(values)) < 0.03, np.nan, values[:, 0])
    chosen = pipeline.Options(tick_ms=tick_ms, **options)  # type: ignore[arg-type]
    return pipeline.fit(times, values, NAMES[:metrics], step_ms=step_ms, options=chosen)


def holed(seed: int, metrics: int, tick_ms: int, count: int = 150) -> tuple[np.ndarray, np.ndarray]:
    """Rows after the learned ones, with gaps short and long, missing values and a burst."""
    dice = np.random.default_rng(seed + 100)
    times, values = made(10 + count * tick_ms / 3_600_000, metrics, tick_ms, seed)
    times, values = times[-count:], values[-count:]
    values[dice.random(values.shape) < 0.05] = np.nan
    values[60:66, : metrics // 2] += 40
    values[90:, 1] = np.nan
    keep = np.ones(count, bool)
    for start, length in zip(dice.integers(20, count - 10, 4), (1, 2, 5, 30), strict=True):
        keep[start : start + length] = False
    return times[keep], values[keep]


@pytest.mark.parametrize(("step_ms", "tick_ms"), [(60_000, 10_000), (10_000, 10_000), (300_000, 300_000)])
def test_the_tick_is_the_replay(step_ms: int, tick_ms: int) -> None:
    widths = (5, 8, 17)
    models = [learned(metrics, seed, step_ms, tick_ms) for seed, metrics in enumerate(widths)]
    rows = [holed(seed, metrics, tick_ms) for seed, metrics in enumerate(widths)]
    stack = Stack(told=0)
    for key, model in enumerate(models):
        stack.put(key, model)
    replays = [pipeline.replay(model, *each) for model, each in zip(models, rows, strict=True)]
    judged = 0
    for now in sorted({int(time) for times, _ in rows for time in times}):
        keys = [key for key, (times, _) in enumerate(rows) if now in times]
        found = stack.tick(now, keys, [rows[key][1][np.searchsorted(rows[key][0], now)] for key in keys])
        for key, tail, rate in zip(keys, found.tail, found.rate_percent, strict=True):
            place = (now - int(replays[key].times[0])) // tick_ms
            np.testing.assert_allclose(tail, replays[key].tail[place], atol=2e-4)
            np.testing.assert_allclose(rate, replays[key].rate_percent[place], atol=2e-4)
            judged += not np.isnan(tail)
    assert judged > 200


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 80), min_size=5, max_size=60, unique=True), st.integers(0, 5))
def test_any_slots_may_be_left_out(slots: list[int], seed: int) -> None:
    model = MODEL
    times, values = made(11.5, 4, 60_000, seed)
    times, values = times[600:][sorted(slots)], values[600:][sorted(slots)]
    stack = Stack()
    stack.put("one", model)
    ticks = [stack.tick(int(now), ["one"], row[None]).tail[0] for now, row in zip(times, values, strict=True)]
    np.testing.assert_allclose(ticks, pipeline.replay(model, times, values).at(times, model.tick_ms), atol=2e-4)


MODEL = learned(4, 1, 60_000, 60_000)


def test_a_row_that_is_not_later_than_the_last_is_not_judged_and_changes_nothing() -> None:
    times, values = made(11, 4, 60_000)
    one, other = Stack(), Stack()
    for stack in (one, other):
        stack.put(1, MODEL)
    for now, row in zip(times[600:], values[600:], strict=True):
        expected = one.tick(int(now), [1], row[None]).tail
        np.testing.assert_array_equal(other.tick(int(now), [1], row[None]).tail, expected)
        assert np.isnan(other.tick(int(now) - 120_000, [1], row[None] + 50).tail).all()
        assert np.isnan(other.tick(int(now), [1], row[None] + 50).tail).all()


def test_servers_come_and_go_without_touching_one_another() -> None:
    times, values = made(11, 4, 60_000)
    alone, crowd = Stack(), Stack()
    alone.put("a", MODEL)
    for number in range(20):
        crowd.put(number, MODEL)
    crowd.put("a", MODEL)
    for turn, (now, row) in enumerate(zip(times[600:], values[600:], strict=True)):
        if turn == 20:
            for number in range(0, 20, 2):
                crowd.drop(number)
            crowd.put("late", MODEL)
        keys = [key for key in (*range(20), "a", "late", "stranger") if key == "stranger" or key in crowd]
        found = crowd.tick(int(now), keys, [row if key == "a" else row + 1 for key in keys])
        assert found.tail[keys.index("a")] == alone.tick(int(now), ["a"], row[None]).tail[0]
        assert np.isnan(found.tail[keys.index("stranger")])
    assert len(crowd) == 12


def test_the_top_names_the_metric_that_broke_and_where_it_usually_is() -> None:
    times, values = made(11, 4, 60_000)
    stack = Stack()
    stack.put(1, MODEL)
    values[640:, 2] += 60
    found = [stack.tick(int(now), [1], row[None]) for now, row in zip(times[600:645], values[600:645], strict=True)]
    last = found[-1]
    assert last.tail[0] > 2
    first = last.top[0][0]
    assert first.column == 2
    assert first.usual_low <= first.usual_high < first.value == values[644, 2]
    assert first.z > 5
    assert sum(reason.share for reason in last.top[0]) <= 1 + 1e-6


def test_rows_of_one_tick_may_be_of_other_times() -> None:
    times, values = made(11, 4, 60_000)
    together, apart = Stack(), Stack()
    for stack in (together, apart):
        stack.put("early", MODEL)
        stack.put("late", MODEL)
    for turn in range(601, 650):
        now = np.array([times[turn], times[turn - 1]])
        found = together.tick(now, ["early", "late"], values[[turn, turn - 1]])
        early = apart.tick(int(now[0]), ["early"], values[turn][None])
        late = apart.tick(int(now[1]), ["late"], values[turn - 1][None])
        np.testing.assert_array_equal(found.tail, [early.tail[0], late.tail[0]])


def test_a_night_changes_how_rare_scores_are_and_forgets_nothing() -> None:
    times, values = made(24, 4, 60_000)
    noisy = values + np.random.default_rng(5).normal(0, 6, values.shape)
    fresh = MODEL.with_fresh(pipeline.recalibrated(MODEL, times[600:1200], noisy[600:1200]).pack_fresh())
    stack, anew = Stack(), Stack()
    stack.put(1, MODEL)
    anew.put(1, fresh)
    for turn in range(1200, 1260):
        before, now = stack.tick(int(times[turn]), [1], noisy[turn][None]), int(times[turn])
        expected = anew.tick(now, [1], noisy[turn][None])
    assert expected.tail[0] < before.tail[0]
    stack.refresh(1, fresh)
    for turn in range(1260, 1270):
        found = stack.tick(int(times[turn]), [1], noisy[turn][None])
        expected = anew.tick(int(times[turn]), [1], noisy[turn][None])
    assert found.tail[0] == expected.tail[0]
