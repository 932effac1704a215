"""Made-up machines to measure with: values that walk, wave, count and miss, rounded as agents round them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAY = 86_400
STEP = 10  # seconds
COLUMNS = 60

# How many series, mean, spread of the means, daily wave, size of the walk, its memory, decimals, unit, greatest.
MACHINE = (
    (4, 15.0, 8.0, 8.0, 4.0, 0.95, 2, 1, 100.0),  # processor
    (8, 14.0, 7.0, 7.0, 5.5, 0.95, 2, 1, 100.0),  # each core
    (2, 25.0, 15.0, 3.0, 1.5, 0.997, 2, 1, 100.0),  # memory and swap, percent
    (4, 5e9, 2e9, 3e8, 1.5e8, 0.997, 0, 1024, np.inf),  # memory, which the kernel counts in KiB
    (1, -3e8, 5e8, 0.0, 3e7, 0.999, 0, 1024, np.inf),  # swap, mostly none
    (6, 40.0, 15.0, 0.0, 1.0, 0.99999, 2, 1, 100.0),  # disks and inodes
    (6, 2.5e5, 4e5, 2e5, 2.5e5, 0.8, 0, 1, np.inf),  # disk bytes a second
    (3, 3.0, 4.0, 3.0, 3.0, 0.95, 2, 1, 100.0),  # disk busy
    (4, 2.5e6, 1e6, 1e6, 5e5, 0.9, 0, 1, np.inf),  # network bytes a second
    (4, 2.5e3, 1e3, 1e3, 5e2, 0.9, 0, 1, np.inf),  # network packets a second
    (4, -3.5, 0.5, 0.0, 1.0, 0.5, 0, 1, np.inf),  # errors and drops, nearly never
    (3, 1.5, 0.8, 0.8, 0.3, 0.97, 2, 1, np.inf),  # load
    (3, 1200.0, 400.0, 80.0, 30.0, 0.98, 0, 1, np.inf),  # processes, threads, files
    (2, 3e3, 1500.0, 1500.0, 600.0, 0.9, 0, 1, np.inf),  # context switches, interrupts
    (3, 55.0, 30.0, 25.0, 8.0, 0.9, 0, 1, np.inf),  # connections
    (2, 1.0, 1.0, 0.0, 1.0, 0.6, 0, 1, np.inf),  # running processes, users
    (1, 48.0, 5.0, 3.0, 1.5, 0.98, 1, 1, 120.0),  # temperature
)


def machine(servers: int, rows: int, seed: int = 1) -> Floats:
    """values[server, row, column] of gauges and rates as the agent reports them."""
    random = np.random.default_rng(seed)
    fields = np.array([kind[1:] for kind in MACHINE for _ in range(kind[0])]).T
    mean, spread, wave, noise, memory, decimals, unit, most = fields
    level = mean + spread * random.standard_normal((servers, COLUMNS))
    phase = random.uniform(0, DAY / 4, (servers, 1))
    walk = noise * random.standard_normal((servers, COLUMNS))
    kick, scale = noise * np.sqrt(1 - memory**2), 10.0**decimals
    found = np.empty((servers, rows, COLUMNS))
    for row in range(rows):
        walk = walk * memory + kick * random.standard_normal(walk.shape)
        values = np.clip(level + walk + wave * np.sin((row * STEP + phase) * (2 * np.pi / DAY)), 0.0, most)
        found[:, row] = np.rint(values * scale / unit) * unit / scale
    return found


def counting(servers: int, rows: int, seed: int = 1) -> Floats:
    """The same of what other exporters send: counters, noisy rates, bytes in pages, gauges with gaps."""
    return np.stack([_exporter(np.random.default_rng([seed, server]), rows) for server in range(servers)])


def _exporter(random: np.random.Generator, rows: int) -> Floats:
    sizes = 10.0 ** random.uniform(0, 5, 20)
    counters = random.integers(0, 1 << 40, 20) + np.cumsum(random.poisson(sizes, (rows, 20)), axis=0)
    rates = np.abs(random.normal(10.0 ** random.uniform(0, 2, 16), 10.0 ** random.uniform(-1, 1, 16), (rows, 16)))
    pages = (random.integers(1 << 14, 1 << 21, 12) + np.cumsum(random.integers(-40, 41, (rows, 12)), axis=0)) * 4096
    gauges = (40 + np.cumsum(random.normal(0, 0.3, (rows, 12)), axis=0)).round(1)
    gauges[:, :4][random.random((rows, 4)) < 0.05] = np.nan  # now and then not measured
    gauges[np.arange(rows) % 6 != 0, 4:8] = np.nan  # each minute
    gauges[rows // 3 : rows // 2, 8:] = np.nan  # switched off for a while
    return np.concatenate([counters, rates.round(2), pages, gauges], axis=1)


MIXES = {"machine": machine, "counting": counting}
