"""The laid-out table of daily disk counters, read in the order of disks and days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

NEVER = 10**6


@dataclass(frozen=True, slots=True)
class Disks:
    """A row a disk and day; NaN for what was not told; `fails` is the day of each disk's failure."""

    drive: NDArray[np.int64]
    day: NDArray[np.int64]
    values: NDArray[np.float64]
    fails: NDArray[np.int64]

    def of(self, drives: NDArray[np.int64]) -> Disks:
        """The rows of these disks alone."""
        keep = np.isin(self.drive, drives)
        return Disks(self.drive[keep], self.day[keep], self.values[keep], self.fails)

    def first(self) -> NDArray[np.int64]:
        """Of every row the place of its disk's first one."""
        here = np.arange(len(self.drive))
        return np.asarray(np.maximum.accumulate(np.where(np.diff(self.drive, prepend=-1) != 0, here, 0)))


def read(data: Path, columns: Sequence[str]) -> Disks | None:
    """None where there is no such table. All columns but `failure` are stored as differences."""
    found = sorted((data / "disks").glob("*.npz"))
    if not found:
        return None
    with np.load(found[0], allow_pickle=False) as table:
        drive, day = (np.cumsum(table[name], dtype=np.int64) for name in ("drive", "day"))
        failed = table["failure"] == 1
        values = np.empty((len(drive), len(columns)))
        for place, name in enumerate(columns):
            values[:, place] = np.cumsum(table[name], dtype=np.int64)
    values[values < 0] = np.nan
    fails = np.full(int(drive.max()) + 1, NEVER)
    fails[drive[failed]] = day[failed]
    return Disks(drive, day, values, fails)
