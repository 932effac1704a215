"""Disks that fail within a week: learnt on the first months, judged on later ones, or by the shipped model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml import disk_failure, shipped
from ml.disk_failure import ATTRIBUTES, Model
from ml.evaluation.base import registry
from ml.evaluation.disktable import Disks, read
from ml.evaluation.yes_no import Figures, table
from ml.trees import Trees, from_boosting

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

HORIZON = 7
LEARNT_TO, SETTLED_TO = 113, 173  # days: fitted up to here; the borders of the classes from those after the gap
CALM_SHARE, ROWS_SHARE = 0.2, 0.1
QUIET, RAISED = 0.009, 0.04  # share of sound disks that may come into the high, and at least into the raised class
QUARTER = 90  # days: that share is meant of so long a time at most, not of all that was ever seen
SETTINGS: dict[str, Any] = {
    "max_iter": 300, "learning_rate": 0.03, "max_leaf_nodes": 8, "min_samples_leaf": 40, "l2_regularization": 10.0,
    "random_state": 0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """Rows of some disks with what is looked at: all that failed, and a share of the sound ones."""

    disks: Disks
    rows: Floats
    sound: int
    taken: int

    def part(self, some: Bools) -> Span:
        disks = Disks(self.disks.drive[some], self.disks.day[some], self.disks.values[some], self.disks.fails)
        return Span(disks, self.rows[some], self.sound, self.taken)

    @property
    def left(self) -> NDArray[np.int64]:
        return self.disks.fails[self.disks.drive] - self.disks.day


@registry.register("disks")
def run(data: Path, out: Path) -> Iterator[str]:
    """On the data it was learnt from, a model of its first months alone is judged; else the shipped one."""
    del out
    span = load(data)
    if span is None:
        yield "disks: no table of disks here"
        return
    last = int(span.disks.day.max())
    if shipped.book().get("disk", {}).get("data") == digest(data):
        first, whose = LEARNT_TO + HORIZON + 1, f"fitted on days 0 to {LEARNT_TO}, borders from later days"
        trees = learn(span, LEARNT_TO)
        span = span.part(span.disks.day >= first)  # what was learnt from is not looked at again
        model = settle(span, trees, first, SETTLED_TO)
    else:
        model, first, whose = shipped.disk(), int(span.disks.day.min()), "the shipped model"
    yield f"disks: {whose}"
    scores = chances(span, model.trees)
    errors = span.rows[:, : len(disk_failure.ERRORS)]
    rows = [
        judged(span, scores >= model.high, first, last, "disk fails in 7 days: high"),
        judged(span, scores >= model.raised, first, last, "disk fails in 7 days: raised or high"),
        judged(
            span,
            np.asarray((np.nan_to_num(errors) > 0).any(axis=1)),
            first,
            last,
            "rule: any error counter above nothing",
        ),
    ]
    yield from table(rows)
    high = rows[0]
    yield f"high class: detection {high.recall:.3f} at false alarms {high.false_rate:.4f}"


def digest(data: Path) -> str:
    found = sorted((data / "disks").glob("*.npz"))
    return hashlib.sha256(found[0].read_bytes()).hexdigest() if found else ""


def load(data: Path, share: float = CALM_SHARE) -> Span | None:
    disks = read(data, [f"smart_{number}" for number in ATTRIBUTES])
    if disks is None:
        return None
    every = np.unique(disks.drive)
    failed = every[disks.fails[every] < 10**6]
    sound = every[disks.fails[every] >= 10**6]
    taken = sound[np.random.default_rng(0).random(len(sound)) < share]
    some = disks.of(np.concatenate([failed, taken]))
    return Span(some, disk_failure.features(some.day, some.values, some.first()), len(sound), len(taken))


def learn(span: Span, last: int) -> Trees:
    """From rows whose answer is known by this day; scikit-learn is needed here alone."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - never in a process that serves

    left, day = span.left, span.disks.day
    y = (left > 0) & (left <= HORIZON)
    usable = (left > 0) & (day <= last - HORIZON) | (y & (day <= last) & (span.disks.fails[span.disks.drive] <= last))
    some = usable & (y | (np.random.default_rng(1).random(len(y)) < ROWS_SHARE))
    rows = np.nan_to_num(span.rows[some], nan=-1.0)
    return from_boosting(HistGradientBoostingClassifier(**SETTINGS).fit(rows, y[some]))


def chances(span: Span, trees: Trees) -> Floats:
    """As the product judges: what was seen in the last days counts."""
    return disk_failure.lasting(trees.chance(np.nan_to_num(span.rows, nan=-1.0)), span.disks.first())


def settle(span: Span, trees: Trees, first: int, last: int) -> Model:
    """The borders of the classes: so that of sound disks just a few are in them at any time of these days."""
    scores = chances(span, trees)
    day, sound = span.disks.day, span.disks.fails[span.disks.drive] > last + HORIZON
    bounds = np.linspace(first, last + 1, max(1, -(-(last + 1 - first) // QUARTER)) + 1)
    inside = [sound & (day >= begin) & (day < end) for begin, end in pairwise(bounds)]
    highest = np.concatenate([_highest(span.disks.drive[some], scores[some]) for some in inside])
    return Model(trees, *(float(np.quantile(highest, 1 - share)) for share in (RAISED, QUIET)))


def ship(data: Path) -> dict[str, Any]:
    """Learn from all of this data; the borders come from disks that the model they are asked of has not seen."""
    span = load(data)
    if span is None:
        raise FileNotFoundError(f"No table of disks under {data}.")
    last = int(span.disks.day.max())
    borders = []
    for half in (0, 1):
        mine = span.disks.drive % 2 == half
        model = settle(span.part(~mine), learn(span.part(mine), last), 0, last - HORIZON)
        borders.append((model.raised, model.high))
    trees = learn(span, last)
    raised, high = np.mean(borders, axis=0).tolist()
    about = {
        "data": digest(data), "raised": raised, "high": high, "horizon_days": HORIZON, "rows": len(span.rows),
        "disks": len(np.unique(span.disks.drive)), "settings": SETTINGS,
        "made_by": "manage.py train_disk_model --data FOLDER",
    }  # fmt: skip
    shipped.write("disk", trees.arrays(), about)
    return about


def _highest(drive: NDArray[np.int64], scores: Floats) -> Floats:
    _, place = np.unique(drive, return_inverse=True)
    found = np.full(int(place.max()) + 1, -np.inf)
    np.maximum.at(found, place, scores)
    return found


def judged(span: Span, said: Bools, first: int, last: int, task: str) -> Figures:
    """A disk each: found when said within the week before it failed, a false alarm when said of a sound one."""
    last -= HORIZON
    drive, day, fails, left = span.disks.drive, span.disks.day, span.disks.fails, span.left
    inside = (day >= first) & (day <= last)
    every = np.unique(drive[inside])
    failed = every[(fails[every] > first) & (fails[every] <= last)]
    sound = every[fails[every] > last]
    hits = np.unique(drive[inside & said & (left > 0) & (left <= HORIZON)])
    before = fails[drive] > last
    alarms = np.unique(drive[inside & said & before & ~((left > 0) & (left <= HORIZON))])
    weight = span.sound / max(span.taken, 1)
    hit, wrong = float(np.isin(failed, hits).sum()), float(np.isin(sound, alarms).sum()) * weight
    return Figures(task, hit, len(failed) - hit, wrong, len(sound) * weight - wrong)
