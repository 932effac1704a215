"""The report card of one model: known faults in copies of rows it has not seen, counted event by event."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml import injected
from ml.injected import ORDER, Event, family_of
from ml.model import Model
from ml.pipeline import Replay, replay

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]
Tally = Counter[str]
Tallies = dict[str, Tally]

WIDE_MS = 600_000  # how far around an event an alarm still means it, and how near two alarms are one
LEAST_MS, MOST_MS = 6 * 3_600_000, 48 * 3_600_000  # of rows not seen
WARM_MS = 1_800_000  # until what looks back has something to look at
ROUNDS = 2  # copies with each kind of fault
SHIFTS = 5  # by which chance is told
NAMED = 5  # metrics that an explanation lists
DAY_MS = 86_400_000

# What a family must reach before it may page somebody.
MOST_FALSE, LEAST_F1, LEAST_FAULTS = 0.05, 0.8, 5


@dataclass(frozen=True)
class Alarms:
    """What a model said of some rows: whether each is over the limit, and what was to blame."""

    times: Ints
    on: Flags
    judged: Flags
    shares: Floats
    columns: Sequence[str]

    @property
    def gap(self) -> int:
        step = int(np.median(np.diff(self.times))) if len(self.times) > 1 else 60_000
        return max(WIDE_MS, 2 * step)

    def episodes(self, on: Flags | None = None) -> list[tuple[int, int]]:
        """From the first to the last row of each; runs close to one another are one."""
        rows = np.flatnonzero(self.on if on is None else on)
        if not len(rows):
            return []
        cuts = np.flatnonzero(np.diff(self.times[rows]) > self.gap)
        return list(zip(rows[np.r_[0, cuts + 1]].tolist(), rows[np.r_[cuts, len(rows) - 1]].tolist(), strict=True))

    def blamed(self, begin: int, end: int) -> list[int]:
        """The columns of a run of rows, the guiltiest first."""
        rows = slice(begin, end + 1)
        weight = self.shares[rows][self.on[rows]]
        mean = weight.mean(axis=0) if len(weight) else self.shares[rows].mean(axis=0)
        return [int(place) for place in np.argsort(-mean, kind="stable")[:NAMED]]


@dataclass(frozen=True)
class Truth:
    """One fault in the time of the alarms."""

    kind: str
    family: str
    begin: int
    end: int
    guilty: frozenset[str]


Judge = Callable[[Floats], Alarms]


def judge_of(model: Model, times: Ints, threshold: float) -> Judge:
    """What the product would have said of such rows, by its own way of scoring: a row a minute, as it learns."""
    model = replace(model, tick_ms=model.step_ms)

    def judge(values: Floats) -> Alarms:
        found: Replay = replay(model, times, values)
        on = np.nan_to_num(np.asarray(found.tail, np.float64)) >= threshold
        judged = ~np.isnan(found.tail)
        warm = found.times - found.times[:1] >= WARM_MS if len(found.times) else judged
        return Alarms(found.times, on & warm, judged & warm, np.asarray(found.parts, np.float64), model.columns)

    return judge


def measure(judge: Judge, times: Ints, values: Floats, columns: Sequence[str], *, seed: int = 0) -> dict[str, Any]:
    """Counts for the card; figures are made of them by `figures`, of one server as of many."""
    step = int(np.median(np.diff(times))) if len(times) > 1 else 60_000
    clean = judge(values)
    families: Tallies = defaultdict(Counter)
    kinds: Tallies = defaultdict(Counter)
    _calm(clean, families)
    dice = np.random.default_rng(seed)
    delays: list[int] = []
    for number, kind in enumerate([*injected.SHAPES] * ROUNDS):
        spoiled, events = injected.inject(values, columns, kind, step_ms=step, seed=seed + number)
        if events:
            alarms = judge(spoiled)
            truths = [_truth(event, times, columns) for event in events]
            delays += _count(alarms, truths, families, kinds[kind])
            _chance(alarms, truths, families, dice)
    return {
        "families": {name: dict(families[name]) for name in ("all", *ORDER) if families[name]},
        "kinds": {name: dict(tally) for name, tally in kinds.items()},
        "delays": sorted(delays)[:2000],
        "hours": round(float(clean.judged.sum()) * _step(clean) / 3_600_000, 1),
    }


def _step(alarms: Alarms) -> int:
    return int(np.median(np.diff(alarms.times))) if len(alarms.times) > 1 else 60_000


def _truth(event: Event, times: Ints, columns: Sequence[str]) -> Truth:
    guilty = frozenset(columns[place] for place in event.guilty)
    return Truth(event.kind, event.family, int(times[event.begin]), int(times[event.end - 1]), guilty)


def _calm(clean: Alarms, families: Tallies) -> None:
    """Rows as they were: every alarm in them is taken for a false one, even where something was wrong indeed."""
    families["all"]["points"] = int(clean.judged.sum())
    families["all"]["false_points"] = int(clean.on.sum())
    for begin, end in clean.episodes():
        family = family_of(clean.columns[clean.blamed(begin, end)[0]])
        families["all"]["calm_episodes"] += 1
        families[family]["calm_episodes"] += 1
        families[family]["false_points"] += int(clean.on[begin : end + 1].sum())


def _count(alarms: Alarms, truths: Sequence[Truth], families: Tallies, of_kind: Tally) -> list[int]:
    """Events that were noticed, and alarms that meant none; gives how long each took, in seconds."""
    delays = []
    for truth in truths:
        rows = _near(alarms, truth)
        found = np.flatnonzero(alarms.on & rows)
        for tally in (families["all"], families[truth.family], of_kind):
            tally["faults"] += 1
            tally["found"] += bool(len(found))
        if len(found):
            delays.append(max(0, int(alarms.times[found[0]] - truth.begin) // 1000))
            blamed = {alarms.columns[place] for place in alarms.blamed(int(found[0]), int(found[-1]))}
            for tally in (families["all"], families[truth.family], of_kind):
                tally["explained"] += bool(blamed & truth.guilty)
    for begin, end in alarms.episodes():
        meant = next((one for one in truths if _meets(alarms, begin, end, one)), None)
        family = meant.family if meant else family_of(alarms.columns[alarms.blamed(begin, end)[0]])
        for tally in (families["all"], families[family], of_kind):
            tally["true" if meant else "false"] += 1
    return delays


def _chance(alarms: Alarms, truths: Sequence[Truth], families: Tallies, dice: np.random.Generator) -> None:
    """The same alarms at other times: what blind luck finds."""
    for _ in range(SHIFTS):
        on = np.roll(alarms.on, int(dice.integers(1, max(2, len(alarms.on)))))
        moved = Alarms(alarms.times, on, alarms.judged, alarms.shares, alarms.columns)
        families["all"]["chance_faults"] += len(truths)
        families["all"]["chance_found"] += sum(bool((on & _near(alarms, one)).any()) for one in truths)
        for begin, end in moved.episodes():
            hit = any(_meets(moved, begin, end, one) for one in truths)
            families["all"]["chance_true" if hit else "chance_false"] += 1


def _near(alarms: Alarms, truth: Truth) -> Flags:
    return np.asarray((alarms.times >= truth.begin) & (alarms.times <= truth.end + WIDE_MS))


def _meets(alarms: Alarms, begin: int, end: int, truth: Truth) -> bool:
    return bool(alarms.times[end] >= truth.begin and alarms.times[begin] <= truth.end + WIDE_MS)


def added(cards: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Many cards as one: counts are added, so that a large server counts no more than its events."""
    families: Tallies = defaultdict(Counter)
    kinds: Tallies = defaultdict(Counter)
    delays: list[int] = []
    hours = 0.0
    for one in cards:
        for into, given in ((families, one.get("families", {})), (kinds, one.get("kinds", {}))):
            for name, tally in given.items():
                into[name].update(tally)
        delays += one.get("delays", [])
        hours += float(one.get("hours", 0.0))
    return {"families": dict(families), "kinds": dict(kinds), "delays": sorted(delays), "hours": hours}


def figures(tally: Tally | dict[str, int], points: int = 0, *, prefix: str = "") -> dict[str, float | int | None]:
    """Precision, recall, F1, and the share of calm points with an alarm; None for what cannot be told."""
    found, faults = tally.get(f"{prefix}found", 0), tally.get(f"{prefix}faults", 0)
    true, false = tally.get(f"{prefix}true", 0), tally.get(f"{prefix}false", 0)
    recall = found / faults if faults else None
    precision = true / (true + false) if true + false else None
    f1 = None
    if recall is not None:
        f1 = 2 * precision * recall / (precision + recall) if precision and recall else 0.0
    known = points or tally.get("points", 0)
    return {
        "faults": faults, "found": found, "precision": precision, "recall": recall, "f1": f1,
        "fpr": tally.get("false_points", 0) / known if known else None,
        "explained": tally.get("explained", 0) / found if found else None,
    }  # fmt: skip


def good_enough(found: dict[str, float | int | None]) -> bool:
    """Whether alarms of this family may page somebody; else they are advice."""
    fpr, f1 = found["fpr"], found["f1"]
    enough = (found["faults"] or 0) >= LEAST_FAULTS
    return enough and fpr is not None and f1 is not None and fpr < MOST_FALSE and f1 >= LEAST_F1


def read(counts: dict[str, Any]) -> dict[str, Any]:
    """A card as pages and the API show it."""
    families, delays = counts.get("families", {}), counts.get("delays", [])
    whole = families.get("all", {})
    points = whole.get("points", 0)
    days = points and counts.get("hours", 0.0) / 24
    listed = [
        {"family": name, **(found := figures(families[name], points)), "pages": good_enough(found)}
        for name in ORDER
        if families.get(name, {}).get("faults")
    ]
    return {
        "all": {**(of_all := figures(whole, points)), "pages": good_enough(of_all)},
        "chance": figures(whole, points, prefix="chance_")["f1"],
        "families": listed,
        "kinds": [
            {"kind": name, **figures(tally, points)} for name, tally in sorted(counts.get("kinds", {}).items())
        ],
        "delay": delays[len(delays) // 2] if delays else None,
        "false_a_day": whole.get("calm_episodes", 0) / days if days else None,
        "hours": counts.get("hours", 0.0),
    }
