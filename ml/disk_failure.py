"""Which disks are likely to fail, by the counters they tell and never by their own verdict. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.trees import Trees

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ERRORS = (5, 187, 188, 197, 198)
OTHERS = (9, 193, 194, 241, 242)
ATTRIBUTES = (*ERRORS, *OTHERS)
BACK = (1, 7, 30)  # days over which a change is looked at
WIDTH = len(ATTRIBUTES) + len(ERRORS) * (len(BACK) + 1) + 2
LASTS = 30  # days that a class lasts: a counter that rests is not healed
LOW, RAISED, HIGH = "low", "raised", "high"


@dataclass(frozen=True, slots=True)
class Model:
    """Trees, and the scores from which on a disk is of the raised or the high class."""

    trees: Trees
    raised: float
    high: float

    def judge(self, rows: Floats, first: Ints) -> tuple[Floats, list[str]]:
        """Of each row, with `first` as in `features`: the highest score of its disk's last days, and its class."""
        scores = lasting(self.trees.chance(np.nan_to_num(rows, nan=-1.0)), first)
        return scores, [HIGH if one >= self.high else RAISED if one >= self.raised else LOW for one in scores]


def lasting(scores: Floats, first: Ints) -> Floats:
    """The highest of the last rows of the same disk."""
    here, found, have = np.arange(len(scores)), scores, 1
    while have < LASTS:
        back = min(have, LASTS - have)
        found = np.maximum(found, found[np.maximum(here - back, first)])
        have += back
    return found


def rule(errors: Floats) -> list[str]:
    """Where the model cannot be asked: any error counter above nothing."""
    above = np.nan_to_num(errors) > 0
    pressing = np.nan_to_num(errors[:, 3:]).sum(axis=1) >= 8
    return [HIGH if now else RAISED if some.any() else LOW for some, now in zip(above, pressing, strict=True)]


def features(days: Ints, values: Floats, first: Ints) -> Floats:
    """A row a disk and day in that order; `values` by ATTRIBUTES, NaN for what it does not tell.

    `first` is for every row the place of its disk's first one: no change is seen over the end of another disk.
    """
    count = len(days)
    here = np.arange(count)
    errors = values[:, : len(ERRORS)]
    columns = [values, *(errors - errors[np.maximum(here - back, first)] for back in BACK)]
    columns.append(_since_change(days, errors, first))
    known = np.nan_to_num(errors)
    columns.append((known > 0).sum(axis=1)[:, None].astype(np.float64))
    columns.append(np.log1p(np.maximum(known, 0)).sum(axis=1)[:, None])
    return np.concatenate(columns, axis=1)


def _since_change(days: Ints, errors: Floats, first: Ints) -> Floats:
    """Days since each counter moved last, at most a year; the same where it never did."""
    here = np.arange(len(days))
    moved = np.zeros(errors.shape, np.bool_)
    moved[1:] = np.nan_to_num(errors[1:]) != np.nan_to_num(errors[:-1])
    moved[first == here] = False
    last = np.maximum.accumulate(np.where(moved, here[:, None], -1), axis=0)
    seen = last >= first[:, None]
    return np.where(seen, (days[:, None] - days[np.maximum(last, 0)]), 365.0).astype(np.float64)
