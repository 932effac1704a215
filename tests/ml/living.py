"""A machine with a past, learnt for real, and a scorer whose clock the test drives."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from core.clock import milliseconds
from metrics.inside import layout_of
from metrics.journal import Entry
from metrics.running import writer
from metrics.store import DatabaseStore
from ml import pipeline, versions
from ml.models import ModelVersion, Training, Watch
from ml.scores.consumer import TICK, Scorer
from ml.training import work
from tests.conftest import Machine

GRID = 10_000
DAY = 86_400_000
COLUMNS = (
    "cpu_used_percent", "load1", "memory_used_percent", 'disk_write_bytes_per_second{device="sda"}',
    'net_received_bytes_per_second{nic="eth0"}', "processes",
)  # fmt: skip


def usual(times: np.ndarray, seed: int) -> np.ndarray:
    """What a quiet machine tells: two days' waves and noise."""
    rng = np.random.default_rng(seed)
    wave = np.sin(2 * np.pi * times / DAY)
    noise = rng.normal(size=(len(times), len(COLUMNS)))
    middle = np.array([20, 0.6, 45, 2e6, 3e6, 180.0])
    spread = np.array([3, 0.1, 1, 2e5, 3e5, 4.0])
    return np.maximum(0, middle + spread * (noise + wave[:, None]))


@dataclass
class Scene:
    """One machine and the moment up to which it reported."""

    machine: Machine
    at: int
    seed: int = 1
    wrong: float = 0.0
    """How far beyond its usual it is now."""
    rows: list[int] = field(default_factory=list)

    @property
    def server(self) -> int:
        return self.machine.server.pk

    def past(self, milliseconds_: int, step: int = 60_000) -> None:
        """What it told before, as one post of the journal."""
        times = np.arange(self.at - milliseconds_, self.at, step, dtype=np.int64)
        store(self.server, times, usual(times, self.seed))

    def report(self, count: int = 1) -> None:
        """Rows each ten seconds, of which the last is of now."""
        for _ in range(count):
            self.at += GRID
            times = np.array([self.at], np.int64)
            values = usual(times, self.at // GRID % 100_000)
            values[:, 0] += self.wrong * 8
            values[:, 3] *= 1 + self.wrong
            store(self.server, times, values)
            self.rows.append(self.at)


def store(
    server: int, times: np.ndarray, values: np.ndarray, columns: Iterable[str] = COLUMNS, *, received: int = 0
) -> None:
    """As a post of the machine's own: received when its last row was measured."""
    layout = layout_of(list(columns))
    held = writer()
    answer: Future[None] = Future()
    held.put(Entry(server, layout, received or int(times.max()) + 500, times, values, answer=answer))
    answer.result(10)


def scorer(owner: str = "") -> Scorer:
    """One whose ticks come as fast as it is asked."""
    made = Scorer(owner)
    clock = [0.0]

    def monotonic() -> float:
        clock[0] += TICK + 1
        return clock[0]

    made.monotonic = made.book.monotonic = monotonic
    return made


@cache
def _model(days: int) -> pipeline.Model:
    times = np.arange(0, days * DAY, 60_000, dtype=np.int64)
    return pipeline.fit(times, usual(times, 1), COLUMNS, step_ms=60_000)


def know(server: int, *, full: bool = True, threshold: float = 2.5) -> ModelVersion:
    """Learnt from the same past as all of these machines, once for all tests."""
    Watch.objects.update_or_create(
        server_id=server, defaults={"since": 0, "full_at": 0 if full else None, "threshold": threshold}
    )
    version = versions.store(versions.Made(server, "first", _model(2), short=not full, figures={}))
    Watch.objects.filter(server=server).update(full_at=0 if full else None)
    return version


def drive(made: Scorer, scene: Scene, count: int) -> None:
    made.wall = lambda: scene.at
    for _ in range(count):
        scene.report()
        made.step()
    made.outbox.flush(made.lease.still, all_of_it=True)
    made._advance()


def learn(why: str = "first") -> int:
    Training.objects.filter(state="due", why=why).update(due_at="2020-01-01T00:00Z")
    return work.work(100, 60)


def scores(server: int, column: str = "anomaly_score") -> dict[int, float]:
    stored = DatabaseStore()
    named = stored.series(server, {column}, 0, 4_000_000_000_000)
    lines = stored.range(server, named, 0, 4_000_000_000_000)
    return {int(t): float(v) for line in lines.values() for t, v in zip(line.t, line.mean, strict=True)}


def now_on_grid() -> int:
    at = milliseconds()
    return at - at % GRID
