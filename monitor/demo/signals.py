"""How busy a machine is at some times: the few signals that all its numbers follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.demo import faults
from monitor.demo.cast import Machine, Role
from monitor.demo.noise import Array, bursts, jitter, wave

WEEKEND = 0.42


@dataclass(frozen=True)
class Signals:
    """Shares from 0 to 1, per cents for CPU and memory."""

    machine: Machine
    t: Array
    since: float
    demand: Array
    cpu: Array
    smooth: Array  # CPU without what comes and goes within minutes
    slow: Array
    memory: Array
    batch: Array
    theft: Array
    wild: Array

    @property
    def role(self) -> Role:
        return self.machine.kind

    @property
    def seed(self) -> int:
        return self.machine.seed

    def noise(self, number: int, size: float) -> Array:
        seed = self.seed + 7 * number + 400
        return 1 + size * (0.5 * jitter(seed, self.t) + 0.8 * wave(seed + 3, self.t, 35))


def signals(machine: Machine, t: Array, since: float) -> Signals:
    role, seed = machine.kind, machine.seed
    group = 7 * len(machine.role) + ord(machine.role[0])  # what hits one of a role hits all of them
    work = (1 - role.night) * office(t + machine.hours * 3600) + role.night * after_hours(t + machine.hours * 3600)
    slow = work * (1 + 0.12 * wave(group, t, 5400) + 0.08 * wave(seed, t, 2700))
    smooth = slow + 0.06 * wave(seed + 1, t, 600) + 0.05 * wave(group + 1, t, 420)
    batch = bursts(seed + 2, t, 1800, 0.4, 200)
    fast = smooth + 0.07 * wave(seed + 4, t, 70) + 0.16 * batch + 0.035 * jitter(seed + 5, t)
    wild, theft = faults.runaway(machine, t, since), faults.night(machine, t, since)
    least = 0.06 + 0.02 * wave(seed + 23, t, 90)
    demand = np.clip(fast + 0.35 * theft, least, 1.35)

    def percent(share: Array) -> Array:
        calm = role.idle * (1 + 0.2 * wave(seed + 3, t, 150)) + (role.busy - role.idle) * np.clip(
            share + 0.35 * theft, 0, 1.35
        )
        return np.clip(calm, 0.3, 100)

    cpu = np.where(wild > 0, np.clip(98.2 + 0.7 * jitter(seed + 6, t), 0, 100), percent(fast))
    return Signals(
        machine, t, since, demand, cpu, percent(smooth), percent(slow), memory(machine, t, since, slow),
        batch, theft, wild,
    )  # fmt: skip


def memory(machine: Machine, t: Array, since: float, work: Array) -> Array:
    leak = faults.leaked(machine, t, since)
    if leak is not None:
        return leak + 0.25 * jitter(machine.seed + 8, t)
    drift = 2.2 * wave(machine.seed + 9, t, 14400) + 0.7 * wave(machine.seed + 10, t, 900)
    return np.clip(machine.kind.filled + 7 * (work - 0.4) + drift + 0.08 * jitter(machine.seed + 8, t), 5, 90)


def office(local: Array) -> Array:
    """A working day with two humps and a lunch between them; quieter at the weekend."""
    hour = local % 86400 / 3600
    day = np.floor(local / 86400).astype(np.int64)  # day 0 was a Thursday
    weekend = np.isin((day + 3) % 7, (5, 6))
    humps = _hump(hour, 10.6, 2.3) + 0.95 * _hump(hour, 15.2, 2.6) + 0.35 * _hump(hour, 20.3, 1.9)
    return 0.1 + 0.7 * np.minimum(humps, 1.05) * np.where(weekend, WEEKEND, 1.0)


def after_hours(local: Array) -> Array:
    """Work that is done while people sleep: from one to four, a little around noon."""
    hour = local % 86400 / 3600
    night = 1 / (1 + np.exp(-9 * (hour - 1.1))) / (1 + np.exp(5 * (hour - 4.1)))
    return np.asarray(0.06 + 0.86 * night + 0.18 * _hump(hour, 13, 0.8), np.float64)


def _hump(hour: Array, at: float, width: float) -> Array:
    away = (hour - at + 12) % 24 - 12
    return np.asarray(np.exp(-0.5 * (away / width) ** 2), np.float64)
