"""The tick: the newest rows of all servers judged at once, in stacked arrays; says what a replay would say.

Servers are grouped by width, not by names: what a server lacks in width is missing, and what is missing adds nothing.
A model that learns from one row a minute is asked every ten seconds by keeping six streams, each a minute apart.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ml.group import Group, Judged, Places
from ml.model import Model
from ml.preprocess import Floats, Times

WIDTHS = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512)
TOLD = 1.0  # of what is less odd nobody asks why
TOP = 5


class Reason(NamedTuple):
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

    def refresh(self, key: Hashable, model: Model) -> None:
        """The same model, compared with other days: what was seen lately is kept."""
        group = self.place[key]
        group.retable(group.rows[key], model)

    def drop(self, key: Hashable) -> None:
        group = self.place.pop(key, None)
        if group is not None:
            group.drop(key)

    def model(self, key: Hashable) -> Model:
        group = self.place[key]
        return group.models[group.rows[key]]

    def tick(self, now_ms: int | Times, keys: Sequence[Hashable], rows: Floats | Sequence[Floats]) -> Ticked:
        """One row for each key, its values in the order of the model's columns; keys without a model say nothing.

        The time is that of all rows, or one for each.
        """
        times = np.broadcast_to(np.asarray(now_ms, np.int64), len(keys))
        tail, rate = np.full(len(keys), np.nan), np.full(len(keys), np.nan)
        top: list[tuple[Reason, ...]] = [()] * len(keys)
        asked: dict[tuple[Group, int], list[int]] = {}
        for place, (key, time) in enumerate(zip(keys, times.tolist(), strict=True)):
            if (group := self.place.get(key)) is not None:
                asked.setdefault((group, time // group.tick_ms), []).append(place)
        for (group, slot), places in sorted(asked.items(), key=lambda each: each[0][1]):
            at = np.array([group.rows[keys[place]] for place in places])
            judged = group.judge(slot, times[places], at, group.padded([rows[place] for place in places]))
            tail[places], rate[places] = judged.tail, judged.rate_percent
            told = np.flatnonzero(judged.tail >= self.told)
            for place, found in zip(told.tolist(), reasons(group, judged, at, told), strict=True):
                top[places[place]] = found
        return Ticked(tail, rate, tuple(top))


def reasons(group: Group, judged: Judged, at: Places, told: Places) -> Iterator[tuple[Reason, ...]]:
    """For each of these rows the metrics that add most, loudest first."""
    parts = judged.parts[told]
    most = min(TOP, parts.shape[1])
    top = np.argpartition(-parts, most - 1, axis=1)[:, :most]
    top = np.take_along_axis(top, np.argsort(-np.take_along_axis(parts, top, 1), axis=1), 1)
    row = told[:, None]
    share = np.take_along_axis(parts, top, 1) / np.maximum(parts.sum(1, keepdims=True), 1e-9)
    value, usual, stray = judged.values[row, top], judged.usual[row, top], judged.stray[row, top]
    z = (value - usual) / np.maximum(stray, 1e-12)
    # Told is what it strays from further: its usual of this hour, or of the last hours.
    of_hour, stray_of_hour = (each[at[told][:, None], top] for each in group.profile(at[told]))
    further = (value - of_hour) / np.maximum(stray_of_hour, 1e-12)
    other = np.abs(further) > np.abs(z)
    usual = np.where(other, of_hour, usual)
    stray, z = np.where(other, stray_of_hour, stray), np.where(other, further, z)
    least, most_seen = (group.held[name][at[told][:, None], top] for name in ("low", "high"))
    low, high = band(usual, stray, least, most_seen)
    columns = [each.tolist() for each in (top, share, z, value, low, high)]
    for one in zip(*columns, strict=True):
        yield tuple(Reason(*each) for each in zip(*one, strict=True) if each[1] > 0)


def band(usual: Floats, stray: Floats, least: Floats, most: Floats) -> tuple[Floats, Floats]:
    """Where nearly all of the usual lies; never beyond what was ever seen, nor without the usual itself."""
    low, high = np.maximum(usual - 2 * stray, least), np.minimum(usual + 2 * stray, most)
    return np.minimum(low, usual), np.maximum(high, usual)
