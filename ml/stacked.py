"""The tick: the newest rows of all servers judged at once, in stacked arrays; says what a replay would say.

Servers are grouped by width, not by names: what a server lacks in width is missing, and what is missing adds nothing.
A model that learns from one row a minute is asked every ten seconds by keeping six streams, each a minute apart.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from ml.group import Group, Judged
from ml.model import Model
from ml.preprocess import Floats, hour_of

WIDTHS = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512)
TOLD = 1.0  # of what is less odd nobody asks why
TOP = 5


@dataclass(frozen=True, slots=True)
class Reason:
    """What one metric adds: its share of what is odd, and where it usually is at this hour."""

    column: int
    share: float
    z: float
    value: float
    usual_low: float
    usual_high: float


@dataclass(frozen=True)
class Ticked:
    """In the order of the keys that were asked; what cannot be judged is not a number."""

    tail: Floats
    rate_percent: Floats
    top: tuple[tuple[Reason, ...], ...]


class Stack:
    """All servers that have a model, by whatever key the caller knows them."""

    def __init__(self, told: float = TOLD) -> None:
        self.told = told
        self.groups: dict[tuple[int, int, int], Group] = {}
        self.place: dict[Hashable, Group] = {}

    def __contains__(self, key: object) -> bool:
        return key in self.place

    def __len__(self) -> int:
        return len(self.place)

    def put(self, key: Hashable, model: Model) -> None:
        """Begin, or go on with a newer model: what was seen lately is forgotten, a calm start."""
        self.drop(key)
        width = next((each for each in WIDTHS if each >= len(model.columns)), len(model.columns))
        kind = (width, model.phases, model.tick_ms)
        group = self.groups.setdefault(kind, Group(*kind))
        group.put(key, model)
        self.place[key] = group

    def drop(self, key: Hashable) -> None:
        group = self.place.pop(key, None)
        if group is not None:
            group.drop(key)

    def model(self, key: Hashable) -> Model:
        group = self.place[key]
        return group.models[group.rows[key]]

    def tick(self, now_ms: int, keys: Sequence[Hashable], rows: Floats | Sequence[Floats]) -> Ticked:
        """One row for each key, its values in the order of the model's columns; keys without a model say nothing."""
        tail, rate = np.full(len(keys), np.nan), np.full(len(keys), np.nan)
        top: list[tuple[Reason, ...]] = [()] * len(keys)
        asked: dict[Group, list[int]] = {}
        for place, key in enumerate(keys):
            if (group := self.place.get(key)) is not None:
                asked.setdefault(group, []).append(place)
        for group, places in asked.items():
            at = np.array([group.rows[keys[place]] for place in places])
            judged = group.judge(now_ms, at, group.padded([rows[place] for place in places]))
            tail[places], rate[places] = judged.tail, judged.rate_percent
            for found in np.flatnonzero(judged.tail >= self.told):
                top[places[found]] = reasons(judged, int(found), group.models[at[found]], now_ms)
        return Ticked(tail, rate, tuple(top))


def reasons(judged: Judged, row: int, model: Model, now_ms: int) -> tuple[Reason, ...]:
    """The metrics that add most, loudest first."""
    parts = judged.parts[row]
    order = np.argpartition(-parts, min(TOP, len(parts) - 1))[:TOP]
    order = order[np.argsort(-parts[order])]
    total = max(float(parts.sum()), 1e-9)
    found = []
    hour = int(hour_of(np.array(now_ms), len(model.usual)))
    for column in order.tolist():
        if parts[column] <= 0 or column >= len(model.columns):
            continue
        value, usual, stray = (float(each[row, column]) for each in (judged.values, judged.usual, judged.stray))
        # Told is what it strays from further: its usual of this hour, or of the last hours.
        z = (value - usual) / max(stray, 1e-12)
        told = float(model.usual[hour, column]), float(model.stray[hour, column])
        if abs(value - told[0]) / max(told[1], 1e-12) > abs(z):
            (usual, stray), z = told, (value - told[0]) / max(told[1], 1e-12)
        low, high = band(usual, stray, float(model.scale.low[column]), float(model.scale.high[column]))
        found.append(Reason(column, float(parts[column]) / total, z, value, low, high))
    return tuple(found)


def band(usual: float, stray: float, least: float, most: float) -> tuple[float, float]:
    """Where nearly all of the usual lies; never beyond what was ever seen, nor without the usual itself."""
    return min(max(usual - 2 * stray, least), usual), max(min(usual + 2 * stray, most), usual)
