"""Three workers that judge and two Beats that ring, while leases are taken away: nothing twice, nothing missed."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, defaultdict

import numpy as np
import pytest
from django.db import connection, connections

from accounts.models import Team
from alerts import engine
from alerts.engine import Limits
from alerts.judging import Judge
from alerts.models import Alert, Notice
from alerts.tasks import check_thresholds
from core.clock import milliseconds
from core.models import Cursor, Lease
from core.runner import Held
from metrics.models import JournalRow
from tests.alerts.simulated import START, Simulated

SERVERS, ROUNDS = 6, 40


class Worker(threading.Thread):
    """One process's loop: its own lease, its own memory."""

    def __init__(self, name: str) -> None:
        super().__init__(daemon=True)
        self.judge = Judge()
        self.judge.lease = Held("rules", 0.4, owner=name)
        self.judge.monotonic, self.judge.wall = time.monotonic, milliseconds
        self.stopping = threading.Event()
        self.failed: list[Exception] = []

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                if not self.judge.step():
                    time.sleep(random.uniform(0, 0.02))
            self.judge.end()
        except Exception as error:
            self.failed.append(error)
            raise
        finally:
            connections.close_all()


class Beat(threading.Thread):
    def __init__(self, stopping: threading.Event) -> None:
        super().__init__(daemon=True)
        self.stopping = stopping

    def run(self) -> None:
        while not self.stopping.wait(0.05):
            check_thresholds()
        connections.close_all()


pytestmark = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one process; run with --db postgres"
)


def test_nothing_is_told_twice_and_nothing_is_missed(team: Team, transactional_db: None) -> None:
    world = Simulated(team)
    names = [f"s{number}" for number in range(SERVERS)]
    world.rule(name="hot", critical=95, critical_recover=80)
    world.rule(name="down", kind="no_data", metric="")
    for name in names:
        world.server(name)
    told: dict[str, list[tuple[int, float]]] = defaultdict(list)
    workers, over = [Worker(name) for name in "abc"], threading.Event()
    beats = [Beat(over), Beat(over)]
    for thread in (*workers, *beats):
        thread.start()
    chance = random.Random(3)
    for turn in range(ROUNDS):
        for name in names:
            world.at = (milliseconds() - START) / 1000
            value = chance.choice((50.0, 99.0))
            world.report(name, cpu=value)
            told[name].append((START + round(world.at * 1000), value))
        if turn % 5 == 4:
            Lease.objects.filter(name="rules").delete()
        time.sleep(0.02)
    _wait_until_read()
    over.set()
    for worker in workers:
        worker.stopping.set()
    for thread in (*workers, *beats):
        thread.join(10)
    assert [worker.failed for worker in workers] == [[], [], []]
    _compare(told)


def _wait_until_read() -> None:
    newest = JournalRow.objects.latest("pk").pk
    end = time.monotonic() + 20
    while Cursor.objects.place("rules") < newest:
        assert time.monotonic() < end, "the journal was not read to its end"
        time.sleep(0.05)


def _compare(told: dict[str, list[tuple[int, float]]]) -> None:
    limits = Limits(above=True, critical=95, critical_recover=80)
    expected: Counter[tuple[str, str]] = Counter()
    for name, samples in told.items():
        times, values = (np.array(column) for column in zip(*samples, strict=True))
        for move in engine.run(times.astype(np.int64), values.astype(np.float64), limits):
            expected[name, "resolved" if move.state == "ok" else "firing"] += 1
    found = Counter(Notice.objects.order_by().values_list("alert__server__name", "kind"))
    assert found == expected
    assert not Alert.objects.filter(series__metric="silent_seconds").exists()
