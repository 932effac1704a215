"""Reachability by receive time: our own absence and our own clock make nobody late."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitor import parts
from servers import reach
from servers.reach import Mark, Watch
from tests.conftest import Machine


class Time:
    """A wall clock that can be set, and a monotonic one that cannot."""

    def __init__(self) -> None:
        self.wall, self.mono = 1_795_219_340.0, 5_000.0

    def go(self, seconds: float) -> None:
        self.wall += seconds
        self.mono += seconds

    def mark(self, sample_ahead: float = 0.0) -> Mark:
        return int(self.wall * 1000), int((self.wall + sample_ahead) * 1000)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def watch(time: Time) -> Watch:
    return Watch(lambda: time.mono, lambda: time.wall)


def word(watch: Watch, mark: Mark | None, interval: int = 10, *, paused: bool = False) -> str:
    state, waiting = watch.state(1, mark, interval, paused=paused)
    return f"{state}, waiting" if waiting else state


@pytest.mark.parametrize(
    ("interval", "after", "expected"),
    [(10, 5, "up"), (10, 31, "late"), (10, 59, "late"), (10, 61, "down"), (1, 4, "late"), (1, 61, "down"),
     (60, 179, "up"), (60, 181, "late"), (60, 359, "late"), (60, 361, "down")],
)  # fmt: skip
def test_a_silent_server_is_late_after_three_intervals_and_down_after_six(
    time: Time, watch: Watch, interval: int, after: float, expected: str
) -> None:
    mark = time.mark()
    watch.begin({1: mark})
    run(time, watch, mark, after)
    assert word(watch, mark, interval) == expected
    assert word(watch, mark, interval, paused=True) == "paused"
    assert word(watch, None) == "new"


def run(time: Time, watch: Watch, mark: Mark, seconds: float) -> None:
    """Let time pass as the loop sees it, the server silent."""
    while seconds > 0:
        part = min(reach.EVERY, seconds)
        time.go(part)
        seconds -= part
        watch.step({1: mark})


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 31_536_000.0, -31_536_000.0])
def test_a_clock_of_the_hub_that_jumps_makes_nobody_late_and_hides_nobody(
    time: Time, watch: Watch, jump: float
) -> None:
    mark = time.mark()
    watch.begin({1: mark})
    run(time, watch, mark, 10)
    time.wall += jump
    watch.step({1: mark})
    assert word(watch, mark) == "up"
    run(time, watch, mark, 15)
    assert word(watch, mark) == "up"
    run(time, watch, mark, 45)
    assert word(watch, mark) == "down"
    # The store keeps the later of two times of receipt; the sample's own time still tells that it lives.
    alive = (max(mark[0], time.mark()[0]), mark[1] + 70_000)
    watch.step({1: alive})
    assert word(watch, alive) == "up"


def test_after_our_absence_the_state_before_it_stands_until_machines_had_time_to_drain(time: Time) -> None:
    up, down = time.mark(), (time.mark()[0] - 300_000, time.mark()[1] - 300_000)
    time.go(1800)
    watch = Watch(lambda: time.mono, lambda: time.wall)
    watch.begin({1: up, 2: down})
    assert watch.state(1, up, 10, paused=False) == ("up", True)
    assert watch.state(2, down, 10, paused=False) == ("down", True)
    run(time, watch, up, 60)
    back = time.mark()
    watch.step({1: back, 2: down})
    assert watch.state(1, back, 10, paused=False) == ("up", False)
    assert watch.state(2, down, 10, paused=False) == ("down", True)
    run(time, watch, back, 31)
    assert watch.state(2, down, 10, paused=False) == ("down", False)


def test_who_does_not_come_back_after_our_absence_is_down_in_the_end(time: Time) -> None:
    mark = time.mark()
    time.go(1800)
    watch = Watch(lambda: time.mono, lambda: time.wall)
    watch.begin({1: mark})
    run(time, watch, mark, 89)
    assert word(watch, mark) == "up, waiting"
    run(time, watch, mark, 2)
    assert word(watch, mark) == "down"


def test_a_quick_restart_waits_for_nobody(time: Time) -> None:
    mark = time.mark()
    time.go(8)
    watch = Watch(lambda: time.mono, lambda: time.wall)
    watch.begin({1: mark})
    assert word(watch, mark) == "up"
    run(time, watch, mark, 24)
    assert word(watch, mark) == "late"


def test_a_process_that_stood_still_was_away(time: Time, watch: Watch) -> None:
    mark = time.mark()
    watch.begin({1: mark})
    run(time, watch, mark, 5)
    time.go(600)
    watch.step({1: mark})
    assert word(watch, mark) == "up, waiting"


def test_while_the_store_takes_nothing_nobody_is_late(time: Time, watch: Watch) -> None:
    mark = time.mark()
    watch.begin({1: mark})
    run(time, watch, mark, 5)
    for _ in range(120):
        time.go(5)
        watch.step({1: mark}, well=False)
    assert word(watch, mark) == "up, waiting"
    run(time, watch, mark, 91)
    assert word(watch, mark) == "down"


def test_the_api_says_so_after_a_restart(
    machine: Callable[..., Machine], api: Callable[..., object], time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = machine()
    web.report(cpu_used_percent=1.0)
    marks = parts._marks()
    time.wall = marks[web.server.pk][0] / 1000 + 1800
    reach.watch.__init__(lambda: time.mono, lambda: time.wall)  # type: ignore[misc]
    reach.watch.begin(marks)
    shown = api().get(f"/api/v1/servers/{web.server.uuid}").json()  # type: ignore[attr-defined]
    assert (shown["reach"], shown["waiting"]) == ("up", True)
    time.go(120)
    shown = api().get(f"/api/v1/servers/{web.server.uuid}").json()  # type: ignore[attr-defined]
    assert (shown["reach"], shown["waiting"]) == ("down", False)
