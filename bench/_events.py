"""Honest scoring of alerts against labels: events, episodes, their chance level, and points."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Spans = NDArray[np.int64]
Flags = NDArray[np.bool_]
NEAR_S = 600.0  # runs this close are one; an alert this close to an event belongs to it
SHIFTS = 20


@dataclass
class Counts:
    """Of one series, added up over a set."""

    events: float = 0
    hit: float = 0
    episodes: float = 0
    true: float = 0
    luck: NDArray[np.floating[Any]] = field(default_factory=lambda: np.zeros(3))
    """Hit, episodes, true of the same episodes, shifted in a circle at random."""
    false_points: float = 0
    calm_points: float = 0
    right: float = 0
    points: float = 0
    odd_points: float = 0
    odd_found: float = 0
    days: float = 0
    delays: list[float] = field(default_factory=list)

    def __add__(self, other: Counts) -> Counts:
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__})


def runs(flags: Flags, gap: int) -> Spans:
    """Begin and end (after the last) of the runs, those at most `gap` apart joined."""
    edges = np.flatnonzero(np.diff(np.r_[False, flags, False].astype(np.int8)))
    found = edges.reshape(-1, 2)
    if len(found) < 2:
        return found
    apart = found[1:, 0] - found[:-1, 1] > gap
    joined: Spans = np.c_[found[np.r_[True, apart], 0], found[np.r_[apart, True], 1]]
    return joined


def covered(spans: Spans, count: int) -> Flags:
    found = np.zeros(count, bool)
    for begin, end in spans:
        found[begin:end] = True
    return found


def _met(spans: Spans, flags: Flags) -> Flags:
    total = np.r_[0, np.cumsum(flags)]
    met: Flags = total[spans[:, 1]] > total[spans[:, 0]]
    return met


def counted(labels: NDArray[Any], alert: Flags, step_s: float, seed: int = 0) -> Counts:
    """What one series adds."""
    labels, alert, count = np.asarray(labels) > 0, np.asarray(alert, bool), len(alert)
    gap, near = int(np.ceil(max(NEAR_S, 2 * step_s) / step_s)), int(np.ceil(max(NEAR_S, step_s) / step_s))
    events = runs(labels, gap)
    wide = np.c_[np.maximum(events[:, 0] - near, 0), np.minimum(events[:, 1] + near, count)]
    inside, episodes = covered(wide, count), runs(alert, gap)
    hit, true = _met(wide, alert), _met(episodes, inside)
    luck = np.zeros(3)
    if len(events) and len(episodes):
        for shift in np.random.default_rng(seed).integers(1, count, SHIFTS):
            moved = np.roll(alert, shift)
            other = runs(moved, gap)
            luck += np.array([_met(wide, moved).sum(), len(other), _met(other, inside).sum()]) / SHIFTS
    delays = [
        max(0, int(np.argmax(alert[begin:end])) + begin - event) * step_s
        for (begin, end), event, was in zip(wide.tolist(), events[:, 0].tolist(), hit, strict=True)
        if was
    ]
    return Counts(
        events=len(events), hit=hit.sum(), episodes=len(episodes), true=true.sum(), luck=luck,
        false_points=(alert & ~inside).sum(), calm_points=(~inside).sum(), right=(alert == labels).sum(),
        points=count,
        odd_points=labels.sum(), odd_found=(alert & labels).sum(), days=count * step_s / 86_400, delays=delays,
    )  # fmt: skip


def _f1(hit: float, events: float, true: float, episodes: float) -> float:
    precision, recall = true / max(episodes, 1e-9), hit / max(events, 1e-9)
    return float(2 * precision * recall / max(precision + recall, 1e-9))


def figures(of: Counts) -> dict[str, float]:
    """What is printed; percentages as such."""
    calm_right = of.right - of.odd_found
    found, left = of.odd_found / max(of.odd_points, 1), calm_right / max(of.points - of.odd_points, 1)
    return {
        "events": of.events,
        "precision": of.true / max(of.episodes, 1),
        "recall": of.hit / max(of.events, 1),
        "f1": _f1(of.hit, of.events, of.true, of.episodes),
        "chance": _f1(of.luck[0], of.events, of.luck[2], of.luck[1]),
        "false_points": 100 * of.false_points / max(of.calm_points, 1),
        "false_day": (of.episodes - of.true) / max(of.days, 1e-9),
        "alerts_day": of.episodes / max(of.days, 1e-9),
        "delay": float(np.median(of.delays)) / 60 if of.delays else float("nan"),
        "accuracy": 100 * of.right / max(of.points, 1),
        "always_no": 100 * (1 - of.odd_points / max(of.points, 1)),
        "balanced": 100 * (found + left) / 2,
    }
