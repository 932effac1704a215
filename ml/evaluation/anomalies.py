"""Anomalies on labelled series: learn from the first part, then judge the second row by row, each night anew."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml import budget, pipeline
from ml.detectors import LIVE
from ml.evaluation.base import registry
from ml.preprocess import DAY_MS, HOUR_MS, Flags, Floats, NotEnough, Times, embedded

SETS = ("smd", "asd", "svc2", "svc3", "nab", "mscloud")
WARM = 30  # rows of learning before the first that is judged, so that nothing begins cold


@dataclass(frozen=True)
class Series:
    """One labelled series: times, values, where the labelled part begins, its labels, seconds a row."""

    times: Times
    values: Floats
    first: int
    labels: Any
    step_s: float


def load(path: Path) -> Series:
    with np.load(path, allow_pickle=False) as file:
        train, test, labels, step = file["train"], file["test"], file["label"], float(file["step_s"])
        count = len(train) + len(test)
        seconds = np.asarray(file["time"], float) if "time" in file.files else np.arange(count) * step
    values = np.vstack([train, test]).astype(float)
    if values.shape[1] == 1:
        values = embedded(values)
    # A clock that jumps back stands still: those rows are not judged again.
    return Series((np.maximum.accumulate(seconds) * 1000).astype(np.int64), values, len(train), labels, step)


def judged(
    series: Series, detectors: tuple[str, ...] = LIVE, per_week: float = budget.PER_WEEK
) -> tuple[Floats, Flags]:
    """Score and alert of each labelled row. Each night the tails are compared anew and the threshold is set."""
    step_ms = int(series.step_s * 1000)
    options = pipeline.Options(detectors, tick_ms=step_ms)
    columns = tuple(f"metric_{number}" for number in range(series.values.shape[1]))
    first, times, values = series.first, series.times, series.values
    count = len(times) - first
    score, alert = np.zeros(count), np.zeros(count, bool)
    try:
        model = pipeline.fit(times[:first], values[:first], columns, step_ms=step_ms, options=options)
    except NotEnough:
        return score, alert
    night = int(times[first])
    maxima: list[float] = []
    while night <= times[-1]:
        today = slice(int(np.searchsorted(times, night)), int(np.searchsorted(times, night + DAY_MS)))
        if today.stop > today.start:
            lately = slice(int(np.searchsorted(times, night - budget.FRESH_DAYS * DAY_MS)), today.start)
            model = pipeline.recalibrated(model, times[lately], values[lately])
            limit = budget.threshold(np.array(maxima[-24 * budget.DAYS :]), per_week)
            warm = slice(max(0, today.start - WARM), today.stop)
            found = pipeline.replay(model, times[warm], values[warm]).at(times[today], step_ms)
            tail = np.nan_to_num(found)
            score[today.start - first : today.stop - first] = tail
            alert[today.start - first : today.stop - first] = tail > limit
            maxima += hourly(times[today], tail)
        night += DAY_MS
    return score, alert


def hourly(times: Times, tail: Floats) -> list[float]:
    """The largest of each hour that has rows."""
    starts = np.flatnonzero(np.diff(times // HOUR_MS, prepend=-1))
    return np.maximum.reduceat(tail, starts).tolist() if len(tail) else []


@registry.register("anomalies")
def anomalies(data: Path, out: Path) -> Iterator[str]:
    """Result files of every set that is there, as the scorer reads them."""
    for name in SETS:
        paths = sorted((data / name).glob("*.npz"))
        began = time.process_time()
        for path in paths:
            series = load(path)
            score, alert = judged(series)
            (out / name).mkdir(parents=True, exist_ok=True)
            np.savez_compressed(
                out / name / path.name,
                t=series.times[series.first :] / 1000, score=score.astype(np.float32), alert=alert,
                labels=series.labels, step_s=series.step_s,
            )  # fmt: skip
        if paths:
            yield f"{name}: {len(paths)} series judged in {time.process_time() - began:.1f} s of CPU"
