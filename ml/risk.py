"""Evidence of several kinds put together to one risk of one server. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RAISED, HIGH = 0.2, 0.5
USUAL = 0.06  # share of calm moments before a crossing, measured over servers and services
LEAST, MOST_SHOWN = 0.01, 5
DISKS = {"high": 0.12, "raised": 0.02}  # measured share of such disks that fail within a week of being called so


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason: what, how likely by it alone, and the figures to say it with."""

    kind: str
    metric: str
    labels: str
    chance: float
    value: float | None
    limit: float | None

    def shown(self) -> dict[str, Any]:
        return {
            "kind": self.kind, "metric": self.metric, "labels": self.labels, "percent": round(100 * self.chance, 1),
            "value": self.value, "limit": self.limit,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judged:
    state: str
    percent: float | None
    evidence: tuple[Evidence, ...]


def prior(scores: Floats) -> Floats:
    """Scores that were learnt with as many cases as others, as probabilities where cases are rare."""
    odds = scores / np.maximum(1 - scores, 1e-9) * USUAL / (1 - USUAL)
    return np.asarray(odds / (1 + odds))


def together(evidence: Sequence[Evidence]) -> Judged:
    """As if reasons were independent of each other; what is met already is more than a risk."""
    if not evidence:
        return Judged("not_enough", None, ())
    chance = 1 - float(np.prod([1 - one.chance for one in evidence]))
    ordered = sorted((one for one in evidence if one.chance >= LEAST), key=lambda one: -one.chance)
    met = any(one.kind in {"met", "over"} for one in evidence)
    state = "met" if met else "high" if chance >= HIGH else "raised" if chance >= RAISED else "low"
    return Judged(state, round(100 * chance, 1), tuple(ordered[:MOST_SHOWN]))
