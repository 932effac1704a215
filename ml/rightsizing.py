"""Servers that are far too large for their work, or too small, by two weeks of hours. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEWEST = 72  # hours
IDLE_CPU, IDLE_MEMORY = 5.0, 40.0
BUSY_CPU, BUSY_MEMORY = 85.0, 92.0


def judge(cpu: Floats, memory: Floats) -> tuple[str, dict[str, float]]:
    """`idle`: even its busiest hours use little. `overloaded`: a quarter of all hours are at the limit."""
    cpu, memory = cpu[np.isfinite(cpu)], memory[np.isfinite(memory)]
    if len(cpu) < FEWEST or len(memory) < FEWEST:
        return "not_enough", {"hours": float(min(len(cpu), len(memory)))}
    figures = {
        "cpu_typical": float(np.median(cpu)), "cpu_busy": float(np.quantile(cpu, 0.95)),
        "memory_typical": float(np.median(memory)), "memory_busy": float(np.quantile(memory, 0.95)),
        "hours": float(len(cpu)),
    }  # fmt: skip
    figures = {name: round(value, 1) for name, value in figures.items()}
    if float(np.quantile(cpu, 0.75)) >= BUSY_CPU or float(np.quantile(memory, 0.75)) >= BUSY_MEMORY:
        return "overloaded", figures
    idle = figures["cpu_busy"] <= IDLE_CPU and figures["memory_busy"] <= IDLE_MEMORY
    return ("idle" if idle else "fits"), figures
