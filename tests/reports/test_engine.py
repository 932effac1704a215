"""Judgement about time, by table and against a count of single seconds."""

from __future__ import annotations

import random

import numpy as np
import pytest

from reports.engine import silence
from reports.engine.availability import Shares, Window, budget, judged, met
from reports.engine.spans import both, joined, length, without


def seconds(spans: list[tuple[int, int]]) -> set[int]:
    """Each unit by itself: slow, and plain to see."""
    return {at for start, end in spans for at in range(start, end)}


CHANCE = random.Random(8)


def some(count: int) -> list[tuple[int, int]]:
    return [(start, start + CHANCE.randint(0, 12)) for start in (CHANCE.randint(0, 80) for _ in range(count))]


def test_spans_are_what_counting_each_moment_says() -> None:
    for _ in range(300):
        these, those = joined(some(4)), joined(some(4))
        assert seconds(both(these, those)) == seconds(these) & seconds(those)
        assert seconds(without(these, those)) == seconds(these) - seconds(those)
        assert length(these) == len(seconds(these))


def test_the_four_shares_make_up_the_whole_whatever_overlaps() -> None:
    for _ in range(300):
        life, silent, away = [(5, 75)], joined(some(3)), joined(some(2))
        windows = [Window(start, end, CHANCE.choice([0, start, end])) for start, end in some(3)]
        shares = judged(life, silent, away, windows)
        assert shares.up + shares.planned + shares.unknown + shares.down == shares.lived == 70
        assert seconds(shares.downs) <= seconds(silent) - seconds(away)


def test_planned_unknown_and_down_are_three_things() -> None:
    silent = [(100, 200), (300, 400), (500, 600)]
    shares = judged([(0, 1000)], silent, [(300, 350)], [Window(90, 210, written=50)])
    assert (shares.planned, shares.unknown, shares.down) == (100, 50, 150)
    assert shares.percent == pytest.approx(100 * 700 / 850)
    assert shares.downs == [(350, 400), (500, 600)]


def test_a_window_that_was_written_after_the_silence_began_excuses_nothing() -> None:
    late = judged([(0, 1000)], [(100, 200)], [], [Window(100, 200, written=150)])
    early = judged([(0, 1000)], [(100, 200)], [], [Window(100, 200, written=99)])
    assert (late.down, late.planned) == (100, 0)
    assert (early.down, early.planned) == (0, 100)


def test_time_up_in_a_planned_window_is_time_up() -> None:
    shares = judged([(0, 1000)], [(450, 500)], [], [Window(400, 600, written=0)])
    assert (shares.up, shares.planned, shares.down) == (950, 50, 0)


def test_where_nothing_counts_there_is_no_percentage() -> None:
    shares = judged([(0, 100)], [(0, 100)], [(0, 100)], [])
    assert shares.percent is None
    assert met(shares, 99.9) is None


def test_what_is_left_of_a_promise() -> None:
    shares = Shares(lived=1_000_000, up=999_500, down=500)
    assert met(shares, 99.9)
    assert budget(shares, 99.9) == 500
    assert budget(Shares(lived=1_000_000, up=998_000, down=2000), 99.9) == -1000


@pytest.mark.parametrize(
    ("interval", "hole", "found"),
    [
        (10_000, 60_000, []),  # as long as a minute is late, not down
        (10_000, 70_000, [(490_000, 550_000)]),
        (60_000, 360_000, []),  # six intervals of a slow machine
        (60_000, 420_000, [(540_000, 900_000)]),
    ],
)
def test_a_silence_counts_by_the_rule_of_reach(interval: int, hole: int, found: list[tuple[int, int]]) -> None:
    times = np.arange(0, 1_800_001, interval)
    begin = times[times >= 480_000][0]
    kept = times[(times <= begin) | (times >= begin + hole)]
    assert silence.gaps(kept, (0, 1_800_000), interval) == found


def test_silence_at_the_edges_reaches_them() -> None:
    times = np.arange(300_000, 600_000, 10_000)
    assert silence.gaps(times, (0, 900_000), 10_000) == [(0, 300_000), (600_000, 900_000)]
    assert silence.gaps(np.array([], np.int64), (0, 900_000), 10_000) == [(0, 900_000)]


def test_counts_of_buckets_tell_silence_within_a_sample_or_two() -> None:
    step, interval = 300_000, 10_000
    for _ in range(200):
        start = CHANCE.randrange(600_000, 5_000_000, 1000)
        hole = (start, start + CHANCE.randrange(120_000, 4_000_000, 1000))
        times = np.arange(0, 10_800_000, interval)
        times = times[(times < hole[0]) | (times >= hole[1])]
        counts = np.bincount(times // step, minlength=36).astype(np.float64)
        exact = length(silence.gaps(times, (0, 10_800_000), interval))
        near = length(silence.estimated(counts, 0, step, (0, 10_800_000), interval))
        assert abs(near - exact) <= 2 * interval + 60_000


def test_a_machine_that_told_less_often_once_was_not_down_then() -> None:
    counts = np.full(48, 60.0)  # a minute each, then every ten seconds
    assert silence.pace(counts, 3_600_000, 10_000) == 60_000
    assert silence.pace(np.full(48, 360.0), 3_600_000, 10_000) == 10_000
