"""Slow drift: what crept away from where it was when it was learned, too slowly for any score of the day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.model import Model
from ml.preprocess import DAY_MS, Floats, Times, carried, counters, finite, gridded, hour_of, onward, rates

FAR = 4.0  # strays of its hour, in the median over a whole day
LEAST_SHARE = 0.5  # of the day must be there


@dataclass(frozen=True)
class Drift:
    """One metric: how many strays it has moved, and where it was and is."""

    column: str
    strays: float
    was: float
    now: float


def drifted(model: Model, times_ms: Times, values: Floats) -> tuple[Drift, ...]:
    """Of the last day of these rows, against the profile of when the model was learned; the furthest first."""
    keep = onward(np.asarray(times_ms, np.int64))
    times, rows = np.asarray(times_ms, np.int64)[keep], finite(values)[keep]
    if not len(times):
        return ()
    last = times > times[-1] - DAY_MS
    slots, x = gridded(times[last], rates(times[last], rows[last], counters(model.columns)), model.step_ms)
    x = carried(x)
    there = (~np.isnan(x)).sum(0) >= LEAST_SHARE * DAY_MS / model.step_ms
    hour = hour_of(slots, len(model.usual))
    away = (x[:, there] - model.usual[hour][:, there]) / model.stray[hour][:, there]
    strays = np.nanmedian(away, 0) if there.any() else np.zeros(0)
    found = []
    for column, moved in zip(np.flatnonzero(there).tolist(), strays.tolist(), strict=True):
        if abs(moved) >= FAR:
            was, now = float(np.median(model.usual[:, column])), float(np.nanmedian(x[:, column]))
            found.append(Drift(model.columns[column], moved, was, now))
    return tuple(sorted(found, key=lambda drift: -abs(drift.strays)))
