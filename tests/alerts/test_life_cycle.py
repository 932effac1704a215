"""AC-1 and AC-2, sentence by sentence, on a simulated clock and real rows."""

from __future__ import annotations

import numpy as np
import pytest

from accounts.models import Team
from alerts import engine
from alerts.engine import Track
from alerts.judging import track_of
from alerts.models import Alert, Rule
from core.models import Lease
from tests.alerts.simulated import START, Simulated, told


@pytest.fixture
def world(team: Team) -> Simulated:
    made = Simulated(team)
    made.server()
    made.turn()
    return made


def rule(world: Simulated, **fields: object) -> Rule:
    return world.rule(**{"critical": 95, "critical_recover": 80, **fields})


def test_true_for_less_than_its_for_and_then_false_says_nothing_and_leaves_nothing(world: Simulated) -> None:
    rule(world, for_seconds=60)
    world.run([99, 99, 99, 99, 99, 99, 50])
    assert told() == []
    assert not Alert.objects.exists()


def test_true_for_its_whole_for_fires_once(world: Simulated) -> None:
    rule(world, for_seconds=60)
    world.run([99] * 9)
    assert told() == ["firing"]
    assert world.states() == ["firing"]


def test_without_a_for_the_first_sample_fires(world: Simulated) -> None:
    rule(world)
    world.report(cpu=99)
    world.turn()
    assert told() == ["firing"]


def test_a_true_sample_while_it_recovers_is_no_news(world: Simulated) -> None:
    rule(world, keep_firing_seconds=60)
    world.run([99, 50, 99, 50])
    assert told() == ["firing"]
    assert world.states() == ["recovering"]
    world.run([50] * 7)
    assert told() == ["firing", "resolved"]


def test_a_judge_that_is_killed_while_something_is_pending_changes_no_state(world: Simulated) -> None:
    rule(world, for_seconds=60)
    world.run([99, 99, 99])
    Lease.objects.all().delete()
    world.killed()
    world.run([99])
    assert (told(), world.states()) == ([], ["pending"])
    world.run([99, 99, 99])
    Lease.objects.all().delete()
    world.killed()
    world.run([99, 99])
    assert told() == ["firing"]


def test_a_sample_that_is_missing_is_not_false(world: Simulated) -> None:
    rule(world, for_seconds=30)
    world.run([99, None, 99, 99, 99])
    assert told() == ["firing"]
    world.run([None, None, 99])
    assert told() == ["firing"]


def test_a_for_ends_without_another_sample(world: Simulated) -> None:
    rule(world, for_seconds=30)
    world.report(cpu=99)
    world.turn()
    world.go(39)
    assert told() == [], "a sample may be on its way"
    world.go(6)
    assert told() == ["firing"]


def test_a_for_does_not_end_on_what_was_bad_long_ago(world: Simulated) -> None:
    rule(world, for_seconds=300)
    world.report(cpu=99)
    world.go(400)
    assert (told(), world.states()) == ([], ["pending"])


def test_a_hold_ends_without_another_sample(world: Simulated) -> None:
    rule(world, keep_firing_seconds=15)
    world.run([99, 50])
    world.go(20)
    assert told() == ["firing", "resolved"]


def test_silence_ends_nothing_and_is_shown(world: Simulated) -> None:
    rule(world)
    world.run([99])
    world.go(60)
    assert (told(), world.states()) == (["firing"], ["no_data"])
    world.run([99])
    assert (told(), world.states()) == (["firing"], ["firing"])
    world.go(60)
    world.run([50])
    assert told() == ["firing", "resolved"]


def test_a_series_that_comes_seldom_is_not_silent_between_its_samples(world: Simulated) -> None:
    rule(world)
    seen = set()
    for _ in range(4):
        world.report(cpu=99)
        for _ in range(10):
            world.go(30)
            seen.add(tuple(world.states()))
        if world.at < 700:
            seen.clear()  # how often it comes is seen from its second sample on
    assert seen == {("firing",)}


def test_swinging_around_the_limit_for_an_hour_is_one_message(world: Simulated) -> None:
    rule(world, critical=None, critical_recover=None, warn=85, warn_recover=75)
    world.run([90, 80] * 90, every=20)
    assert told() == ["firing"]


def test_what_is_judged_live_is_what_a_replay_says(world: Simulated) -> None:
    """Random series with holes, against random rules: the same moves, to the end."""
    random = np.random.default_rng(7)
    for turn in range(12):
        limits = engine.Limits(
            above=bool(turn % 2), warn=50, warn_recover=(45 if turn % 2 else 55),
            critical=(80 if turn % 2 else 20), wait=int(random.integers(0, 5)) * 10_000,
            hold=int(random.integers(0, 5)) * 10_000,
        )  # fmt: skip
        times = START + 10_000 * np.flatnonzero(random.random(200) < 0.8)
        values = np.clip(50 + np.cumsum(random.normal(0, 12, len(times))) % 60 - 20, 0, 100)
        found: list[engine.Move] = []
        track = Track()
        for at in range(START, START + 2_000_000, 1000):
            live = [(moment, after) for moment, after in engine.until(track, at, limits)]
            place = np.flatnonzero(times == at)
            if len(place):
                base = live[-1][1] if live else track
                base = Track() if base.state == "ok" else base
                live.append((at, engine.step(base, at, float(values[place[0]]), limits)))
            for moment, after in live:
                if (after.state, after.severity) != (track.state, track.severity):
                    found.append(engine.Move(moment, after.state, after.severity, after.value))
                track = after
        assert engine.run(times, values, limits, end=START + 1_999_000) == found


def test_the_judge_moves_as_a_replay_of_the_same_samples(world: Simulated) -> None:
    made = rule(world, for_seconds=20, keep_firing_seconds=20)
    values: list[float | None] = [
        50,
        99,
        99,
        99,
        None,
        60,
        99,
        60,
        60,
        60,
        60,
        None,
        99,
        99,
        None,
        None,
        None,
        None,
        99,
    ]
    seen: list[tuple[str, int]] = []
    for value in values:
        if value is not None:
            world.report(cpu=value)
        for _ in range(10):
            world.turn()
            alert = Alert.objects.open().first()
            now = (track_of(alert).state, track_of(alert).severity) if alert else ("ok", 0)
            if now != (seen[-1] if seen else ("ok", 0)):
                seen.append(now)
            world.at += 1
    kept = [(place * 10_000, value) for place, value in enumerate(values) if value is not None]
    times, samples = (np.array(column) for column in zip(*kept, strict=True))
    limits = world.judge.book.rules[made.pk].limits
    moves = engine.run(times + START, samples.astype(float), limits, end=START + 190_000)
    assert seen == [(move.state, move.severity) for move in moves]
