"""How rarely a score like this was seen: minus log10 of the share above it, as a table that is cheap to look up."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

CAP = 6.0
BEND = 0.95  # up to here the rank speaks, beyond it a generalised Pareto tail
BEND_FEW = 0.8
MANY, EXCESSES = 200, 10
WIDTH_FEW = 0.5  # of the score at the bend: the least width where few scores speak
RANKS = np.r_[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95]
BEYOND = np.r_[np.arange(1.4, 3.01, 0.1), np.arange(3.25, CAP + 0.01, 0.25)]
KNOTS = len(RANKS) + len(BEYOND)


def table(usual: Floats, narrowest: float = 0.0) -> tuple[Floats, Floats]:
    """Scores and their tails, both rising; between them one may draw straight lines.

    A tail that few scores speak of is at least so wide.
    """
    usual = np.sort(usual[np.isfinite(usual)])
    if not len(usual):
        return np.linspace(0, 1e9, KNOTS), np.zeros(KNOTS)
    bend = BEND if len(usual) >= MANY else BEND_FEW
    low = RANKS * bend / BEND
    scores = np.quantile(usual, low)
    beyond, tails = _beyond(usual, bend, narrowest)
    scores = np.r_[scores, np.maximum(beyond, scores[-1])]
    # Ties (many scores of exactly nothing) must still rise, or the place between them is not known.
    scores = np.maximum.accumulate(scores + np.arange(KNOTS) * 1e-9 * (1 + np.abs(scores)))
    return scores, np.r_[-np.log10(1 - low), tails]


def _beyond(usual: Floats, bend: float, narrowest: float) -> tuple[Floats, Floats]:
    """Scores at which the tail reaches given depths, from the excesses over the bend."""
    edge = float(np.quantile(usual, bend))
    least = max(WIDTH_FEW * abs(edge), narrowest) if bend < BEND else 0.0
    excess = usual[usual > edge] - edge
    share = 1 - bend
    first = 0.1 - np.log10(share)
    depth = first + (CAP - first) * (BEYOND - BEYOND[0]) / (CAP - BEYOND[0])
    if len(excess) < 2 or excess.var() <= 0:
        width = max(abs(edge) * 0.1, 1e-6, least, float(excess.mean()) if len(excess) else 0.0)
        return edge + width * (depth + np.log10(share)) * np.log(10), depth
    mean, variance = float(excess.mean()), float(excess.var())
    shape = float(np.clip(0.5 * (1 - mean * mean / variance), -0.2, 0.4)) if len(excess) >= EXCESSES else 0.0
    width = max(mean * (1 - shape), least)
    factor = 10 ** (depth + np.log10(share))
    grown = np.log(factor) if abs(shape) < 1e-3 else (factor**shape - 1) / shape
    return edge + width * grown, depth


def look_up(scores: Floats, tails: Floats, asked: Floats) -> Floats:
    """Tails of one model's many scores, or of many models' one score each, when the tables are stacked."""
    if scores.ndim == 1:
        scores, tails = scores[None], tails[None]
    place = np.clip((scores <= asked[:, None]).sum(1), 1, scores.shape[1] - 1)
    row = np.arange(len(place)) if len(scores) > 1 else 0
    x0, x1, y0, y1 = scores[row, place - 1], scores[row, place], tails[row, place - 1], tails[row, place]
    share = np.clip((asked - x0) / np.maximum(x1 - x0, 1e-12), 0, 1)
    found: Floats = y0 + (y1 - y0) * share
    return found
