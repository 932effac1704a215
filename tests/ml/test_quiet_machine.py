"""A small machine that was calm in the fifteen minutes it is known: real faults are noticed, drift is not."""

from __future__ import annotations

import numpy as np
import pytest

from ml import pipeline
from ml.stacked import Stack
from tests.ml.made import START

STEP, LEARNT, LIMIT = 10_000, 90, 2.0
TICKS_LATE = 5  # seconds until a row is judged
BUSY, STARTING = ("cpu_", "load", "pressure_", "disk_write", "disk_read", "disk_util"), 15.0
# Where each is, how far it strays from row to row, and how far it creeps in an hour.
USUAL = {
    "cpu_used_percent": (3.3, 0.5, 0), "cpu_user_percent": (2.2, 0.4, 0), "cpu_system_percent": (1.0, 0.2, 0),
    "cpu_iowait_percent": (0.1, 0.05, 0), "load1": (0.08, 0.03, 0), "pressure_cpu_percent": (0.3, 0.1, 0),
    "pressure_io_percent": (0.1, 0.1, 0), "pressure_memory_percent": (0, 0, 0), "swap_used_percent": (0, 0, 0),
    "memory_used_bytes": (9e8, 1e6, 8e6), "memory_available_bytes": (2.3e10, 1e6, -8e6),
    "memory_used_percent": (4.4, 0.01, 0.03), "processes": (98, 0.3, 0), "threads": (125, 0.5, 0),
    'disk_used_bytes{mount="/"}': (4e10, 1e5, 4e7), 'disk_used_percent{mount="/"}': (39.32, 0.004, 0.05),
    'disk_inodes_used_percent{mount="/"}': (5.3, 0, 0.02), 'disk_util_percent{device="vda"}': (0.8, 0.3, 0),
    'disk_write_bytes_per_second{device="vda"}': (6e4, 2e4, 0), 'disk_writes_per_second{device="vda"}': (5, 2, 0),
    'disk_reads_per_second{device="vda"}': (0.1, 0.1, 0), 'disk_await_seconds{device="vda"}': (8e-4, 3e-4, 0),
    'net_received_bytes_per_second{nic="eth0"}': (120, 40, 0), 'net_sent_bytes_per_second{nic="eth0"}': (130, 40, 0),
    'tcp_connections{state="established"}': (24, 0.3, 0), 'tcp_connections{state="time_wait"}': (6, 2, 0),
}  # fmt: skip
# What each fault adds, and the beginnings of true words about it: as ./watchkeeper bench noticed has them.
FAULTS = {
    "CPU hog": (
        {"cpu_used": 95, "cpu_user": 95, "load1": 1.2, "pressure_cpu": 12, "processes": 3, "threads": 3},
        ("cpu_", "load", "pressure_cpu"),
    ),
    "disk filler": (
        {"disk_used_bytes": 1.4e9, "disk_used_percent": 1.3, "cpu_system": 6, "cpu_used": 6, "load1": 0.4},
        ("disk_", "pressure_io", "cpu_iowait"),
    ),
    "memory leak": (
        {"memory_used_bytes": 6e9, "memory_available": -6e9, "memory_used_percent": 25, "cpu_used": 50,
         "cpu_user": 38, "cpu_system": 12, "load1": 0.8, "pressure_cpu": 3},
        ("memory_", "swap_", "pressure_memory"),
    ),
    "fork burst": (
        {"processes": 60, "threads": 60, "cpu_used": 90, "cpu_system": 60, "cpu_user": 30, "load1": 1.5,
         "pressure_cpu": 45},
        ("process", "threads", "cpu_", "load"),
    ),
    "I/O storm": (
        {"disk_write_bytes": 1.2e8, "disk_writes": 900, "disk_util": 80, "disk_await": 0.03, "disk_used_bytes": 3e8,
         "disk_used_percent": 0.3, "pressure_io": 60, "cpu_iowait": 40, "cpu_system": 20, "cpu_used": 20, "load1": 1},
        ("disk_", "pressure_io", "cpu_iowait"),
    ),
    "loopback flood": ({"cpu_system": 25, "cpu_user": 5, "cpu_used": 30, "load1": 0.4}, ("net_", "cpu_")),
}  # fmt: skip


def _calm(rows: int, seed: int) -> np.ndarray:
    dice, names = np.random.default_rng(seed), list(USUAL)
    at, strays, creeps = (np.array([USUAL[name][place] for name in names], float) for place in range(3))
    hours = np.arange(rows)[:, None] * STEP / 3_600_000
    shape = rows, len(names)
    spikes = (dice.random(shape) < 0.01) * dice.uniform(0, 6, shape)
    found = at + creeps * hours + strays * (np.abs(dice.normal(0, 1, shape)) + spikes)
    return np.maximum(found, 0.0, dtype=np.float64)


def _judged(values: np.ndarray) -> list[tuple[float, list[str]]]:
    """What is said of each row after those that were learnt."""
    columns, times = tuple(USUAL), START + np.arange(len(values)) * STEP
    options = pipeline.Options(tick_ms=STEP)
    model = pipeline.fit(times[:LEARNT], values[:LEARNT], columns, step_ms=STEP, options=options)
    stack = Stack(told=LIMIT)
    stack.put("one", model)
    found = []
    for time, row in zip(times, values, strict=True):
        said = stack.tick(int(time), ["one"], [row])
        found.append((float(said.tail[0]), [columns[reason.column] for reason in said.top[0]]))
    return found[LEARNT:]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_noticed_within_a_minute_and_named(fault: str) -> None:
    adds, true = FAULTS[fault]
    values = _calm(LEARNT + 40, seed=7)
    values[:3] += [STARTING * USUAL[name][0] * name.startswith(BUSY) for name in USUAL]
    for place, name in enumerate(USUAL):
        for start, more in adds.items():
            if name.startswith(start):
                values[LEARNT + 20 : LEARNT + 28, place] += more
    said = _judged(values)
    assert max(tail for tail, _ in said[:20]) < LIMIT
    seconds = [10 * place + TICKS_LATE for place, (tail, _) in enumerate(said[20:28], 1) if tail >= LIMIT]
    assert seconds
    assert seconds[0] <= 60
    assert any(name.startswith(true) for _, top in said[22:28] for name in top)


def test_what_creeps_and_hardly_moves_is_no_news_for_hours() -> None:
    for seed in range(2):
        tails = [tail for tail, _ in _judged(_calm(LEARNT + 720, seed))]
        assert np.mean(np.array(tails) >= LIMIT) < 0.01
