"""Broken correlations: what the usual ways of moving together cannot explain."""

from __future__ import annotations

import numpy as np

from ml.detectors.base import RESIDUAL_CAP, Arrays, Detector, Rows, Scored, present_mean, recent, registry
from ml.preprocess import Floats

VARIANCE, COMPONENTS = 0.9, 10
FLOOR = 0.05
SMOOTH = 3


@registry.register("pca")
class PcaResidual(Detector):
    """Components for nine tenths of the variance, ten at most; the residual is scaled by metric."""

    title = "PCA residual"
    stacked = True
    narrowest = 0.1

    def fit(self, rows: Rows) -> Arrays:
        z = np.nan_to_num(rows.z)
        mean = z.mean(0, dtype=np.float64)
        centred = (z - mean).astype(np.float32)
        spread, vectors = np.linalg.eigh((centred.T @ centred).astype(np.float64) / max(len(z) - 1, 1))
        spread, vectors = np.maximum(spread[::-1], 0), vectors[:, ::-1].T
        keep = int(np.searchsorted(np.cumsum(spread) / max(spread.sum(), 1e-12), VARIANCE) + 1)
        keep = min(keep, COMPONENTS, max(1, z.shape[1] - 1))
        axes = np.zeros((COMPONENTS, z.shape[1]), np.float32)
        axes[:keep] = vectors[:keep]
        rest = centred - (centred @ axes.T) @ axes
        deviation = np.maximum(np.maximum(rest.std(0), FLOOR), rows.least)
        return {"mean": mean.astype(np.float32), "axes": axes, "deviation": deviation.astype(np.float32)}

    def score(self, known: Arrays, rows: Rows) -> Scored:
        rest = recent(strain(known, rows), SMOOTH)
        return Scored(np.log1p(present_mean(rest, rows.known)), np.sqrt(rest))


def strain(known: Arrays, rows: Rows) -> Floats:
    """Squared scaled residual by metric; one that is missing counts as usual."""
    there = rows.known
    z = np.where(there, rows.z - known["mean"], np.float32(0))
    rest = (z - (z @ known["axes"].T) @ known["axes"]) / known["deviation"]
    found: Floats = np.where(there, np.clip(rest, -RESIDUAL_CAP, RESIDUAL_CAP) ** 2, np.float32(0))
    return found
