"""Half an hour without a hub, in counted time: nothing is lost, and the hub is not run over afterwards."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any, cast

import pytest
from watchkeeper_agent.courier import Courier
from watchkeeper_agent.post import Answer, Hub, Unreachable
from watchkeeper_agent.sample import layout_of
from watchkeeper_agent.spool import Spool

AGENTS, INTERVAL = 20, 10
GONE, BACK, END = 60, 1860, 2460
COLUMNS = ["load1"]


class Clock:
    now = 0.0


class Far:
    """The hub as all agents see it: it counts what comes in each second and keeps rows by identity."""

    url = "https://hub"

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.posts: list[float] = []
        self.knocks = 0
        self.rows: dict[tuple[str, int], list[float]] = {}

    def post(self, _path: str, document: dict[str, Any]) -> Answer:
        self.knocks += 1
        if GONE <= self.clock.now < BACK:
            raise Unreachable("Nobody answers.")
        self.posts.append(self.clock.now)
        identity = (document["boot"], document["seq"])
        times = [row[0] for row in document["rows"]]
        assert self.rows.setdefault(identity, times) == times
        return Answer(200, "", {"ack": document["seq"], "refused": []})

    def abort(self) -> None:
        """Nothing waits in here."""


class Machine:
    """One agent's spool and courier, woken as its threads would be."""

    def __init__(self, folder: Path, hub: Far, phase: int) -> None:
        self.spool = Spool(str(folder))
        self.courier = Courier(cast("Hub", hub), self.spool, lambda _: None)
        self.phase = phase
        self.wakes: float | None = None

    def second(self, now: int) -> None:
        rang = now % INTERVAL == self.phase
        if rang:
            live = self.courier.connected
            self.spool.append(COLUMNS, layout_of(COLUMNS), [float(now), 1.0], live=live, extras={})
        resting = self.courier.failures and self.wakes is not None and self.wakes > now
        while (rang and not resting) or (self.wakes is not None and self.wakes <= now):
            rang = False
            pause = self.courier.step()
            self.wakes = None if pause is None else now + pause


def test_after_half_an_hour_all_arrives_once_at_a_tenth_more_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    hub = Far(clock)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    monkeypatch.setattr("watchkeeper_agent.segments.os.fsync", lambda _: None)
    monkeypatch.setattr("watchkeeper_agent.courier.between", random.Random(1).uniform)
    fleet = [Machine(tmp_path / str(number), hub, number % INTERVAL) for number in range(AGENTS)]
    for now in range(END):
        clock.now = float(now)
        for machine in fleet:
            machine.second(now)
    told = [at for times in hub.rows.values() for at in times]
    assert len(told) == AGENTS * END / INTERVAL, "each row once"
    assert not any(machine.spool.waiting() or machine.spool.dropped for machine in fleet)
    usual = AGENTS / INTERVAL
    after = [sum(begin <= at < begin + 60 for at in hub.posts) / 60 for begin in range(BACK, END, 60)]
    assert sum(after[:5]) / 5 <= 1.1 * usual, after
    assert all(load <= 1.05 * usual for load in after[6:]), (
        f"over after five minutes and the time it takes to notice: {after}"
    )
    assert max(after) <= 1.35 * usual, after
    assert hub.knocks - len(hub.posts) < AGENTS * (BACK - GONE) / 30, "while it is away it is left alone"
