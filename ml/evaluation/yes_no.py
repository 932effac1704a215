"""Figures of a yes or no that was said before it came true: plain and balanced accuracy, precision, recall, F1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
HEAD = ("task", "cases", "came true", "accuracy", "always no", "balanced", "precision", "recall", "F1")


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts may be weighted, where not all calm cases were taken."""

    task: str
    hit: float
    missed: float
    wrong: float
    calm: float

    @property
    def count(self) -> float:
        return self.hit + self.missed + self.wrong + self.calm

    @property
    def recall(self) -> float:
        return self.hit / max(self.hit + self.missed, 1e-9)

    @property
    def precision(self) -> float:
        return self.hit / max(self.hit + self.wrong, 1e-9)

    @property
    def false_rate(self) -> float:
        return self.wrong / max(self.wrong + self.calm, 1e-9)

    @property
    def balanced(self) -> float:
        return (self.recall + 1 - self.false_rate) / 2

    @property
    def accuracy(self) -> float:
        return (self.hit + self.calm) / max(self.count, 1e-9)

    @property
    def always_no(self) -> float:
        return (self.wrong + self.calm) / max(self.count, 1e-9)

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)

    def row(self) -> list[str]:
        came = (self.hit + self.missed) / max(self.count, 1e-9)
        shares = (came, self.accuracy, self.always_no, self.balanced, self.precision, self.recall, self.f1)
        return [self.task, f"{self.count:,.0f}", *(f"{one:.3f}" for one in shares)]


def figures(task: str, truth: Bools, said: Bools) -> Figures:
    counts = ((truth & said).sum(), (truth & ~said).sum(), (~truth & said).sum(), (~truth & ~said).sum())
    return Figures(task, *(float(one) for one in counts))


def table(rows: list[Figures]) -> list[str]:
    """Markdown."""
    body = [HEAD, ("---",) + ("---:",) * (len(HEAD) - 1), *(one.row() for one in rows)]
    return [f"| {' | '.join(row)} |" for row in body]
