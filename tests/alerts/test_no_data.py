"""Silence: of servers by when they were heard, of series, and never of the hub itself."""

from __future__ import annotations

import pytest

from accounts.models import Team
from alerts.models import Alert
from core.models import Lease
from tests.alerts.simulated import Simulated, told


@pytest.fixture
def world(team: Team) -> Simulated:
    made = Simulated(team)
    made.server()
    made.turn()
    return made


def steady(world: Simulated, seconds: int, *names: str) -> None:
    for _ in range(seconds // 10):
        for name in names:
            world.report(name, cpu=1)
        world.turn()
        world.go(10)


def test_a_server_is_late_after_three_intervals_and_down_after_a_minute(world: Simulated) -> None:
    world.rule(name="down", kind="no_data", metric="")
    steady(world, 60, "web-1")
    world.go(25)
    assert world.states() == ["pending"], "late, and nobody is told of it"
    world.go(15)
    assert told() == []
    world.go(20)
    assert (told(), world.states()) == (["firing"], ["firing"])
    world.report(cpu=1)
    world.turn()
    assert told() == ["firing", "resolved"], "the first post ends it, without waiting for a sweep"


def test_a_server_that_comes_back_before_a_minute_is_never_told(world: Simulated) -> None:
    world.rule(name="down", kind="no_data", metric="")
    steady(world, 30, "web-1")
    world.go(40)
    steady(world, 20, "web-1")
    assert (told(), Alert.objects.count()) == ([], 0)


def test_a_rule_says_how_long_a_server_may_be_silent(world: Simulated) -> None:
    world.rule(name="down", kind="no_data", metric="", for_seconds=300)
    steady(world, 30, "web-1")
    world.go(280)
    assert told() == []
    world.go(30)
    assert told() == ["firing"]


def test_who_never_reported_is_new_and_not_down(world: Simulated) -> None:
    world.rule(name="down", kind="no_data", metric="")
    world.server("new-1")
    world.go(300)
    assert told() == []


def test_a_hub_that_was_away_calls_nobody_down(world: Simulated) -> None:
    world.rule(name="down", kind="no_data", metric="")
    for name in ("web-1", "web-2", "gone-1"):
        world.report(name, cpu=1)
    world.turn()
    steady(world, 60, "web-1", "web-2")
    world.go(20)
    assert told() == ["firing"], "gone-1 alone"
    Lease.objects.all().delete()
    world.at += 1800
    world.killed()
    world.turn()
    world.go(40)
    assert told() == ["firing"]
    world.report("web-1", ago=900, cpu=1)  # its spool
    steady(world, 60, "web-1", "web-2")
    assert told() == ["firing"]
    assert list(Alert.objects.open().values_list("server__name", flat=True)) == ["gone-1"]


def test_who_posts_before_the_judge_is_back_makes_nobody_else_down(world: Simulated) -> None:
    """Webs come back before the worker, or agents before the first look: the hub was away all the same."""
    world.rule(name="down", kind="no_data", metric="")
    steady(world, 60, "web-1", "web-2", "gone-1")
    Lease.objects.all().delete()
    world.at += 120
    world.report("web-1", cpu=1)
    world.at += 5
    world.killed()
    world.turn()
    steady(world, 40, "web-1")
    assert told() == []
    steady(world, 40, "web-1", "web-2")
    assert told() == []
    steady(world, 40, "web-1", "web-2")
    assert list(Alert.objects.open().values_list("server__name", "state")) == [("gone-1", "firing")]
    assert told() == ["firing"]


def test_a_judge_that_takes_over_knows_a_silence_that_is_nobody_elses(world: Simulated) -> None:
    world.rule(name="down", kind="no_data", metric="")
    steady(world, 60, "web-1", "gone-1")
    steady(world, 50, "web-1")
    Lease.objects.all().delete()
    world.killed()
    world.turn()
    steady(world, 20, "web-1")
    assert told() == ["firing"]


def test_a_hub_whose_store_takes_nothing_calls_nobody_down(world: Simulated) -> None:
    world.rule(name="down", kind="no_data", metric="")
    steady(world, 60, "web-1")
    world.judge.well = lambda: False
    world.go(120)
    world.judge.well = lambda: True
    world.go(30)
    assert told() == []
    steady(world, 120, "web-1")
    assert told() == []


def test_a_judge_that_takes_over_ends_what_another_began(world: Simulated) -> None:
    world.rule(name="down", kind="no_data", metric="")
    world.report("web-2", cpu=1)
    steady(world, 60, "web-1")
    steady(world, 60, "web-1")
    assert told() == ["firing"]
    Lease.objects.all().delete()
    world.killed()
    world.report("web-2", cpu=1)
    steady(world, 30, "web-1")
    assert told() == ["firing", "resolved"]


def test_a_series_that_stops_while_its_server_goes_on_is_told(world: Simulated) -> None:
    world.rule(name="backup", kind="no_data", metric="backup_age", for_seconds=120)
    world.report(cpu=1, backup_age=5)
    world.turn()
    steady(world, 110, "web-1")
    assert told() == []
    steady(world, 30, "web-1")
    assert told() == ["firing"]
    Lease.objects.all().delete()
    world.killed()
    steady(world, 60, "web-1")
    assert told() == ["firing"], "a restart ends nothing"
    world.report(cpu=1, backup_age=5)
    world.turn()
    assert told() == ["firing", "resolved"]


def test_a_value_that_is_not_measured_is_silence_too(world: Simulated) -> None:
    world.rule(name="backup", kind="no_data", metric="backup_age", for_seconds=60)
    for value in (1.0, 1.0, *[float("nan")] * 9):
        world.report(cpu=1, backup_age=value)
        world.turn()
        world.go(10)
    assert told() == ["firing"]


def test_what_was_silent_before_the_rule_was_made_for_a_day_is_history(world: Simulated) -> None:
    world.report(cpu=1, backup_age=5)
    world.turn()
    world.at += 90_000
    steady(world, 30, "web-1")
    world.rule(name="backup", kind="no_data", metric="backup_age", for_seconds=60)
    steady(world, 30, "web-1")
    assert told() == []
