"""Boosted trees as plain arrays: learnt elsewhere, walked here with numpy alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
AT_ONCE = 20_000  # rows


@dataclass(frozen=True, slots=True)
class Trees:
    """Nodes of all trees one after another; a leaf points at itself. `starts` are the roots."""

    feature: Ints
    border: Floats
    left: Ints
    right: Ints
    value: Floats
    starts: Ints
    base: float
    depth: int

    def chance(self, rows: Floats) -> Floats:
        """The probability that each row is a case. What is not measured goes left."""
        total = np.concatenate([self._sum(rows[at : at + AT_ONCE]) for at in range(0, max(len(rows), 1), AT_ONCE)])
        return np.asarray(1 / (1 + np.exp(-total)))

    def _sum(self, rows: Floats) -> Floats:
        total = np.full(len(rows), self.base)
        every = np.arange(len(rows))
        for start in self.starts:
            at = np.full(len(rows), start)
            for _ in range(self.depth):
                higher = rows[every, self.feature[at]] > self.border[at]
                at = np.where(higher, self.right[at], self.left[at])
            total += self.value[at]
        return total

    def arrays(self) -> dict[str, Any]:
        return {
            "feature": self.feature.astype(np.int16), "border": self.border,
            "left": self.left.astype(np.int32), "right": self.right.astype(np.int32),
            "value": self.value, "starts": self.starts.astype(np.int32),
            "base": np.array([self.base]), "depth": np.array([self.depth]),
        }  # fmt: skip

    @classmethod
    def read(cls, arrays: Mapping[str, Any]) -> Trees:
        whole = {name: arrays[name].astype(np.int64) for name in ("feature", "left", "right", "starts")}
        parts = {name: arrays[name].astype(np.float64) for name in ("border", "value")}
        return cls(**whole, **parts, base=float(arrays["base"][0]), depth=int(arrays["depth"][0]))


def from_boosting(model: Any) -> Trees:
    """Of scikit-learn's HistGradientBoostingClassifier with two classes: what it learnt, as plain arrays."""
    nodes = [group[0].nodes for group in model._predictors]
    sizes = np.array([len(one) for one in nodes])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    both, offset = np.concatenate(nodes), np.repeat(starts, sizes)
    leaf, here = both["is_leaf"].astype(bool), np.arange(len(both))
    return Trees(
        feature=np.where(leaf, 0, both["feature_idx"]).astype(np.int64),
        border=np.where(leaf, np.inf, both["num_threshold"]),
        left=np.where(leaf, here, both["left"] + offset).astype(np.int64),
        right=np.where(leaf, here, both["right"] + offset).astype(np.int64),
        value=np.where(leaf, both["value"], 0.0),
        starts=starts.astype(np.int64),
        base=float(np.ravel(model._baseline_prediction)[0]),
        depth=int(both["depth"].max()),
    )
