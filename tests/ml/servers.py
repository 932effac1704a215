"""A server made up: days of numbers that move together, with the hours of the day in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from metrics.names import layout_hash
from tests.conftest import Machine

COLUMNS = (
    "cpu_used_percent", "cpu_user_percent", "cpu_iowait_percent", "load1", "load5", "memory_used_percent",
    "memory_available_bytes", 'disk_used_percent{mount="/"}', 'disk_write_bytes_per_second{device="sda"}',
    'disk_util_percent{device="sda"}', 'net_received_bytes_per_second{nic="eth0"}',
    'net_received_packets_per_second{nic="eth0"}', "processes", "own_queue",
)  # fmt: skip
MINUTE, DAY = 60_000, 86_400_000
BEGAN = 1_790_000_000_000 // DAY * DAY


def quiet(days: float, *, seed: int = 1, begin: int = BEGAN) -> tuple[Any, Any]:
    """Times in milliseconds, a minute apart, and a row of every column at each."""
    dice = np.random.default_rng(seed)
    count = int(days * 1440)
    times = begin + MINUTE * np.arange(count, dtype=np.int64)
    day = 0.5 - 0.5 * np.cos(2 * np.pi * (times % DAY) / DAY)
    busy = 15 + 30 * day + _wander(dice, count, 2.0)

    def noise(width: float) -> Any:
        return dice.normal(0, width, count)

    used = 45 + 5 * day + _wander(dice, count, 0.5)
    received = 2e5 + 4e4 * busy + noise(5e4)
    table = [
        busy + noise(1.5), busy * 0.8 + noise(1.2), np.abs(noise(0.5)), busy / 20 + noise(0.1),
        busy / 20 + noise(0.05),
        used + noise(0.3), (100 - used) / 100 * 1.6e10 + noise(4e7), 60 + np.arange(count) * 2e-4 + noise(0.02),
        1e6 + 3e4 * busy + np.abs(noise(2e5)), 5 + busy / 10 + np.abs(noise(1)), received, received / 800 + noise(20),
        180 + noise(3), np.abs(50 + noise(8)),
    ]  # fmt: skip
    return times, np.clip(np.stack(table, axis=1), 0, None)


def _wander(dice: Any, count: int, width: float) -> Any:
    """Slow moods of a machine, which do not leave it for ever."""
    steps = dice.normal(0, 1, count)
    found = np.zeros(count)
    for place in range(1, count):
        found[place] = 0.99 * found[place - 1] + steps[place]
    return width * found / max(float(np.std(found)), 1e-9)


def tell(machine: Machine, times: Any, values: Any) -> None:
    """Post these rows as the machine's agent would after an outage."""
    rows = np.column_stack([times / 1000, values]).tolist()
    for place in range(0, len(rows), 300):
        body = {"layout": layout_hash(list(COLUMNS)), "columns": list(COLUMNS), "rows": rows[place : place + 300]}
        reply = machine.post(body)
        assert reply.status_code == 200, reply.content
