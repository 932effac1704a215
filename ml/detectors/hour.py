"""Levels: how far each metric is from its usual of this hour of the day, or of the week."""

from __future__ import annotations

import numpy as np

from ml.detectors.base import Arrays, Detector, Rows, Scored, present_mean, recent, registry
from ml.preprocess import Floats

CAP = 15.0  # of what is judged
BLAME_CAP = 30.0  # of what is named: who strayed furthest comes first
SMOOTH, LOUDEST = 3, 3


@registry.register("hour")
class RobustHour(Detector):
    """A few loud metrics or many quiet ones: the mean of the three largest and half the mean of all."""

    title = "hour robust z"
    stacked = True
    narrowest = 0.5

    def fit(self, rows: Rows) -> Arrays:
        return {}  # the profile belongs to the model: bands are drawn from it, too

    def score(self, known: Arrays, rows: Rows) -> Scored:
        far = np.nan_to_num(rows.h)
        away = recent(np.minimum(far, np.float32(CAP)), SMOOTH)
        blame = recent(np.minimum(far, np.float32(BLAME_CAP)), SMOOTH)
        return Scored(loud(away) + np.float32(0.5) * present_mean(away, rows.known), blame)


def loud(away: Floats) -> Floats:
    if away.shape[-1] > LOUDEST:
        away = np.partition(away, -LOUDEST, -1)[..., -LOUDEST:]
    found: Floats = away.sum(-1) / np.float32(LOUDEST)
    return found
