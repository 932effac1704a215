"""Noise as a pure function of time: the same moment gives the same value in every run and at every step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MASK = (1 << 64) - 1


def unit(seed: int, ticks: NDArray[np.int64]) -> Array:
    """From 0 to 1, one value a tick (splitmix64)."""
    x = ticks.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed * 0xD1B54A32D192ED03 & MASK)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((x ^ (x >> np.uint64(31))) / 2.0**64, np.float64)


def jitter(seed: int, t: Array) -> Array:
    """Around 0, mostly within 1: each second its own."""
    ticks = t.astype(np.int64)
    return (unit(seed, ticks) + unit(seed + 1, ticks) + unit(seed + 2, ticks) - 1.5) * 1.4


def wave(seed: int, t: Array, period: float) -> Array:
    """From -1 to 1, moving softly: one bend a period."""
    place = t / period
    ticks = np.floor(place).astype(np.int64)
    part = place - ticks
    part = part * part * (3 - 2 * part)
    return 2 * (unit(seed, ticks) * (1 - part) + unit(seed, ticks + 1) * part) - 1


def bursts(seed: int, t: Array, every: float, chance: float, lasting: float) -> Array:
    """1 while something short and heavy runs, else 0: in each span of `every` seconds by chance."""
    ticks = np.floor(t / every).astype(np.int64)
    begins = unit(seed + 1, ticks) * (every - lasting)
    inside = t - ticks * every - begins
    return ((unit(seed, ticks) < chance) & (inside >= 0) & (inside < lasting)).astype(np.float64)
