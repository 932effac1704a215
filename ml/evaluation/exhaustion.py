"""Exhaustion within 14 days, on real growth curves with a virtual limit: by the forecasts of the product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml import forecast
from ml.evaluation.base import registry
from ml.evaluation.disktable import read
from ml.evaluation.yes_no import Figures, figures, table

Floats = NDArray[np.float64]
HISTORY, AHEAD, GAPS = 32, 14, 4
BETWEEN = 15  # days between the starts of periods
FIRST = 60  # earlier days served to choose the blend
LOOKED_AT = 1500  # curves of a period whose whole forecast is made, not the pace alone


@dataclass(frozen=True, slots=True)
class Period:
    """Curves of one period: what was known, and what came."""

    known: Floats
    came: Floats
    limit: Floats


@registry.register("exhaustion")
def run(data: Path, out: Path) -> Iterator[str]:
    del out
    rows: list[Figures] = []
    pooled: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]] = []
    looks: list[str] = []
    for start, period in periods(data):
        said = forecast.pace(period.known) * AHEAD >= period.limit - period.known[:, -1]
        truth = period.came[:, -1] >= period.limit
        rows.append(figures(f"exhaustion in 14 days, history from day {start}", truth, said))
        pooled.append((truth, said))
        looks.append(f"history from day {start}: {whole(period)}")
    if not rows:
        yield "exhaustion: no growth curves here"
        return
    truth, said = (np.concatenate(parts) for parts in zip(*pooled, strict=True))
    yield from table([*rows, figures("exhaustion in 14 days, all periods", truth, said)])
    yield ""
    yield from looks


def periods(data: Path) -> Iterator[tuple[int, Period]]:
    """Of all disks; the limit is drawn at 0.25 to 4 times the past growth, so that about half of them cross."""
    disks = read(data, ("smart_241",))
    if disks is None:
        return
    begin = FIRST if int(disks.day.min()) == 0 else int(disks.day.min())
    for start in range(begin, int(disks.day.max()) + 2 - HISTORY - AHEAD, BETWEEN):
        curves = _curves(disks.drive, disks.day - start, disks.values[:, 0])
        growth = (curves[:, HISTORY - 1] - curves[:, 0]) / (HISTORY - 1)
        curves, growth = curves[growth > 0.05], growth[growth > 0.05]
        if len(curves):
            draw = np.random.default_rng(start)
            room = AHEAD * growth * np.exp(draw.uniform(np.log(0.25), np.log(4), len(curves)))
            known = curves[:, :HISTORY]
            yield start, Period(known, curves[:, HISTORY:], known[:, -1] + room)


def _curves(drive: NDArray[np.int64], day: NDArray[np.int64], values: Floats) -> Floats:
    width = HISTORY + AHEAD
    inside = (day >= 0) & (day < width)
    ids, place = np.unique(drive[inside], return_inverse=True)
    curves = np.full((len(ids), width), np.nan)
    curves[place, day[inside]] = values[inside]
    curves = curves[(np.isfinite(curves).sum(axis=1) >= width - GAPS) & np.isfinite(curves[:, 0])]
    source = np.maximum.accumulate(np.where(np.isfinite(curves), np.arange(width), 0), axis=1)
    filled = np.take_along_axis(curves, source, axis=1)
    return np.asarray(filled[filled[:, 0] > 0])


def whole(period: Period) -> str:
    """Of some curves all that is said: how often a time is claimed, how far it is off, how often it is in between."""
    some = np.random.default_rng(1).permutation(len(period.known))[:LOOKED_AT]
    said = [forecast.judge(period.known[at], float(period.limit[at]), forecast.DAY) for at in some]
    claimed = np.array([one.state == "predictable" for one in said])
    reached = np.concatenate([period.known[some][:, -1:], period.came[some]], axis=1) >= period.limit[some, None]
    days = np.where(reached.any(axis=1), reached.argmax(axis=1), np.inf)
    left = np.array([one.left if one.left is not None else np.inf for one in said]) / forecast.DAY
    both = claimed & np.isfinite(days)
    off = np.abs(np.minimum(left, 45) - days)[both] / np.maximum(days[both], 1)
    low = np.array([one.low or 0.0 for one in said])[both] / forecast.DAY
    high = np.array([one.high if one.high is not None else np.inf for one in said])[both] / forecast.DAY
    held = (low <= days[both]) & (days[both] - 1 <= high)
    truth, yes = np.isfinite(days)[claimed], (left <= AHEAD)[claimed]
    return (
        f"a time is claimed for {claimed.mean():.0%} of {len(some)} curves; "
        f"of these balanced accuracy {figures('', truth, yes).balanced:.3f}; "
        f"on real crossings off by {np.median(off):.0%} (median), inside the interval {held.mean():.0%}"
    )
