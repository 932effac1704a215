"""Servers made up: metrics that move with a common load, by the hour."""

from __future__ import annotations

import numpy as np

START = 1_795_046_400_000  # a Thursday, 00:00 UTC
NAMES = tuple(f"metric_{number}_percent" for number in range(40))


def made(hours: float, metrics: int = 8, step_ms: int = 60_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(seed)
    times = START + np.arange(int(hours * 3_600_000 / step_ms)) * step_ms
    day = np.sin(2 * np.pi * (times % 86_400_000) / 86_400_000)
    load = 30 + 10 * day + dice.normal(0, 2, len(times))
    share = dice.uniform(0.2, 1.5, metrics)
    return times, load[:, None] * share + dice.normal(0, 1, (len(times), metrics))
