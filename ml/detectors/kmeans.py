"""Change bits: per metric, two clusters of how it usually moves; strange is who moves unlike both."""

from __future__ import annotations

import numpy as np

from ml.detectors.base import Arrays, Detector, Rows, Scored, present_mean, recent, registry, shifted
from ml.preprocess import Floats

SMOOTH, LAGS = 3, 6
SAMPLE, ROUNDS = 2000, 10
BIT = 0.99  # the share of usual moves that leave the bit off
RATE = 5  # points over which bits are counted


@registry.register("kmeans")
class ChangeBits(Detector):
    """Sees spikes and steps, and forgets levels. All metrics are clustered at once."""

    title = "k-means change bits"
    stacked = True
    narrowest = 0.015  # a bit is on once in a hundred rows by its making, whatever a few calm minutes say

    def fit(self, rows: Rows) -> Arrays:
        moved = recent(changes(rows.z), SMOOTH)
        lagged = [shifted(moved, lag) for lag in range(LAGS)]
        keep = np.random.default_rng(0).choice(len(moved), min(SAMPLE, len(moved)), replace=False)
        # metrics, lags, rows: what is multiplied lies together
        centres = clustered(np.stack([each[keep].T for each in lagged], 1)).astype(np.float32)
        far = np.minimum(distance(lagged, centres[:, 0]), distance(lagged, centres[:, 1]))
        moves = (far[there, m] for m, there in enumerate(rows.known.T))
        limit = np.array([np.quantile(each, BIT) if len(each) else np.inf for each in moves])
        limit = np.maximum(limit, np.square(rows.least) / SMOOTH)  # what one step of that size comes to
        return {"centres": centres, "limit": (limit * 1.001 + 1e-12).astype(np.float32)}

    def score(self, known: Arrays, rows: Rows) -> Scored:
        bits = odd(known, rows)
        rate = recent(present_mean(bits, rows.known), RATE)
        return Scored(rate, recent(bits, RATE))


def changes(z: Floats) -> Floats:
    """From row to row; nothing where either is missing, so that a return after a gap is no spike."""
    found = np.zeros_like(z)
    found[1:] = np.nan_to_num(z[1:] - z[:-1])
    return found


def odd(known: Arrays, rows: Rows) -> Floats:
    """1 where a metric moves unlike anything that it learned from."""
    moved = recent(changes(rows.z), SMOOTH)
    lagged = [shifted(moved, lag) for lag in range(LAGS)]
    centres, limit = known["centres"], known["limit"]
    far = np.minimum(distance(lagged, centres[:, 0]), distance(lagged, centres[:, 1]))
    found: Floats = ((far > limit) & rows.known).astype(np.float32)
    return found


def distance(lagged: list[Floats], centre: Floats) -> Floats:
    """Squared, of each row from its metric's centre; added lag by lag, as the stack does."""
    total = np.zeros_like(lagged[0])
    for lag in range(LAGS):
        total = total + (lagged[lag] - centre[..., lag]) ** 2
    return total


def clustered(sample: Floats) -> Floats:
    """Two centres for each metric (metrics, 2, lags), by Lloyd's rounds over all metrics together."""
    mean, deviation = sample.mean(2), sample.std(2)
    first, second = mean - 0.1 * deviation, mean + deviation
    total, count = sample.sum(2), sample.shape[2]
    for _ in range(ROUNDS):
        # Nearer to the second: on its side of the plane halfway between both.
        axis = second - first
        middle = ((second**2 - first**2).sum(1) / 2)[:, None]
        member = (np.matmul(axis[:, None, :], sample)[:, 0] > middle).astype(sample.dtype)
        inside = member.sum(1)[:, None]
        added = np.matmul(sample, member[:, :, None])[:, :, 0]
        second = np.where(inside > 0, added / np.maximum(inside, 1), second)
        first = np.where(inside < count, (total - added) / np.maximum(count - inside, 1), first)
    return np.stack([first, second], 1)
