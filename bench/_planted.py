"""Made-up servers with known faults, for whoever has no labelled data at hand."""

from __future__ import annotations

import numpy as np

from ml.evaluation.anomalies import Series

STEP_MS, METRICS = 60_000, 20
LEARNED_DAYS, JUDGED_DAYS = 5, 5
START = 1_795_046_400_000


def series(seed: int) -> Series:
    """Metrics that follow a common daily load; levels, spikes, lost correlation and a flat line are planted."""
    dice = np.random.default_rng(seed)
    count = (LEARNED_DAYS + JUDGED_DAYS) * 1440
    times = START + np.arange(count) * STEP_MS
    slow = np.convolve(dice.normal(0, 6, count), np.ones(60) / 8, "same")
    load = 30 + 12 * np.sin(2 * np.pi * np.arange(count) / 1440 + dice.uniform(0, 6)) + slow
    share = dice.uniform(0, 1.5, METRICS)
    values = load[:, None] * share + dice.gamma(2, 1.5, (count, METRICS))
    labels = np.zeros(count, np.int8)
    first = LEARNED_DAYS * 1440
    for place, about in enumerate(range(first + 300, count - 300, 700)):
        begin = about + int(dice.integers(0, 300))
        end = begin + int(dice.integers(10, 60))
        hurt = dice.choice(METRICS, int(dice.integers(2, 6)), replace=False)
        kind = place % 4
        stray = values[:first].std(0)[hurt]
        if kind == 0:
            values[begin:end, hurt] += stray * dice.uniform(3, 8)
        elif kind == 1:
            values[begin:end, hurt] += stray * dice.normal(0, 5, (end - begin, len(hurt)))
        elif kind == 2:
            values[begin:end, hurt] = values[begin:end, hurt][::-1] + stray * 2
        else:
            values[begin:end, hurt] = values[begin, hurt]
        labels[begin:end] = 1
    return Series(times, values, first, labels[first:], STEP_MS / 1000)
