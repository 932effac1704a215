"""What a detector is: one small class, its knowledge a few named arrays that a file and a stack can hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.registry import Registry
from ml.preprocess import Flags, Floats

Arrays = dict[str, Floats]
RESIDUAL_CAP = 20.0


@dataclass(frozen=True)
class Rows:
    """Rows on the grid of learning, as every detector sees them; what is missing is not a number."""

    z: Floats  # winsorised robust z against the whole span
    h: Floats  # distance from the usual of this hour, in its usual strays, without sign
    least: Floats | float = 0.0  # to learn with: the least step of each metric that is worth a look, as z

    @property
    def known(self) -> Flags:
        return ~np.isnan(self.z)

    def picked(self, rows: Flags | slice) -> Rows:
        return Rows(self.z[rows], self.h[rows], self.least)


@dataclass(frozen=True)
class Scored:
    """One number a row, higher is stranger, and what each metric adds to it."""

    score: Floats
    parts: Floats


class Detector(ABC):
    """Learns once, in a child process; scores with numpy alone."""

    title: ClassVar[str]
    stacked: ClassVar[bool] = False  # whether ml.stacked knows it for all servers at once
    narrowest: ClassVar[float] = 0.0  # the least width of its scores' tail while few are known
    needs: ClassVar[str] = ""  # the package that it learns with; scoring needs none

    @abstractmethod
    def fit(self, rows: Rows) -> Arrays:
        """What to remember of rows that were usual."""

    @abstractmethod
    def score(self, known: Arrays, rows: Rows) -> Scored:
        """How strange each row is, looking back only."""


registry: Registry[type[Detector]] = Registry("detectors")


def shifted(values: Floats, by: int) -> Floats:
    """What was so many rows ago; nothing before the first."""
    if not by:
        return values
    found = np.zeros_like(values)
    found[by:] = values[:-by]
    return found


def recent(values: Floats, width: int) -> Floats:
    """The mean of the last rows, added up in the order in which the stack adds."""
    total = values
    for lag in range(1, width):
        total = total + shifted(values, lag)
    return total / np.float32(width)


def present_mean(values: Floats, known: Flags) -> Floats:
    """The mean over the metrics that are there."""
    found: Floats = values.sum(-1) / np.maximum(known.sum(-1), 1)
    return found


def picked(rows: Rows, most: int, seed: int = 0) -> Floats:
    """At most so many rows, what is missing taken as usual: for learners that know no gaps."""
    count = len(rows.z)
    keep = np.random.default_rng(seed).choice(count, min(most, count), replace=False)
    return np.nan_to_num(rows.z[np.sort(keep)]).astype(np.float64)
