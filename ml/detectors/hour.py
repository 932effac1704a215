"""Levels: how far each metric is from its usual of this hour of the day, or of the week."""

from __future__ import annotations

import numpy as np

from ml.detectors.base import Arrays, Detector, Rows, Scored, present_mean, recent, registry
from ml.preprocess import Floats

CAP = 15.0
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
        away = recent(np.nan_to_num(np.minimum(rows.h, np.float32(CAP))), SMOOTH)
        return Scored(loud(away) + np.float32(0.5) * present_mean(away, rows.known), away)


def loud(away: Floats) -> Floats:
    if away.shape[-1] > LOUDEST:
        away = np.partition(away, -LOUDEST, -1)[..., -LOUDEST:]
    found: Floats = away.sum(-1) / np.float32(LOUDEST)
    return found
