"""What goes wrong in the demo fleet, as a function of the time and of when the fleet was made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.demo.cast import Machine
from monitor.demo.noise import Array

DAY = 86400.0
SPOKE = 150  # seconds after its making until the silent one falls silent
FLAP_FROM, FLAP_PERIOD, FLAP_UP = 7200, 420, 240
RUN_PERIOD, RUN_LASTS, RUN_BEFORE = 4.5 * 3600, 80 * 60, 35 * 60
NIGHT_FROM, NIGHT_LASTS = 3.12 * 3600, 28 * 60


def speaks(machine: Machine, t: Array, since: float) -> NDArray[np.bool_]:
    """Whether the machine reports at these times."""
    if machine.fault == "silent":
        return t < since + SPOKE
    if machine.fault == "flapping":
        return (t < since - FLAP_FROM) | ((t - since) % FLAP_PERIOD < FLAP_UP)
    return np.ones(len(t), np.bool_)


def runaway(machine: Machine, t: Array, since: float) -> Array:
    """1 while a process eats every core."""
    since_begin = _since_begin(machine, t, since)
    return ((since_begin >= 0) & (since_begin < RUN_LASTS)).astype(np.float64)


def queued(machine: Machine, t: Array, since: float, minutes: int) -> Array:
    """The same as the kernel's load sees it: it rises and falls over so many minutes."""
    ran = np.clip(_since_begin(machine, t, since), 0, None) / (60 * minutes)
    over = np.clip(ran - RUN_LASTS / (60 * minutes), 0, None)
    return np.asarray((1 - np.exp(-ran)) * np.exp(-over), np.float64)


def _since_begin(machine: Machine, t: Array, since: float) -> Array:
    """Seconds since the newest runaway began; -1 where there was none."""
    ran = t - since + RUN_BEFORE
    return np.where((ran >= 0) & (machine.fault == "runaway"), ran % RUN_PERIOD, -1.0)


def night(machine: Machine, t: Array, since: float) -> Array:
    """1 while somebody copies everything out at three in the morning: two nights ago, and each week since."""
    local = t + machine.hours * 3600
    first = np.floor((since + machine.hours * 3600) / DAY) - 2
    seconds = local - np.floor(local / DAY) * DAY - NIGHT_FROM
    on = (np.floor(local / DAY) >= first) & ((np.floor(local / DAY) - first) % 7 == 0)
    on &= (seconds >= 0) & (seconds < NIGHT_LASTS) & (machine.fault == "night")
    return np.asarray(on, np.float64)


def leaked(machine: Machine, t: Array, since: float) -> Array | None:
    """Memory in per cent where it leaks: up for three days, then the service is started again."""
    if machine.fault != "leak":
        return None
    return 40 + ((t - since) / DAY * 17 + 42) % 54


def filling(machine: Machine, t: Array, since: float) -> Array | None:
    """The last disk in per cent where it fills: toward 95, until somebody cleans up."""
    if machine.fault != "filling":
        return None
    return 71.4 + ((t - since) / DAY * 4.8 + 20.2) % 24
