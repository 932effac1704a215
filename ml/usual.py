"""What a server's model holds for usual at a time: the band behind its charts."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml import versions
from ml.model import Model
from ml.models import ModelVersion
from ml.preprocess import counters, hour_of

Ints = NDArray[np.int64]
WIDE = 3.0  # strays on either side: as many as are told as unusual
HELD = 64
MOST_POINTS = 1000
Shown = dict[str, Any]


def bands(server: int, wanted: Callable[[str], bool], times: Ints) -> dict[str, tuple[list[float], list[float]]]:
    """Low and high of each column that is wanted at these times; nothing of what is not learnt, or counts up."""
    version = ModelVersion.objects.current().filter(server=server).values_list("pk", flat=True).first()
    model = _model(version) if version else None
    if model is None or not len(times):
        return {}
    hour = hour_of(times, len(model.usual))
    rising = counters(model.columns)
    found = {}
    for place, column in enumerate(model.columns):
        if rising[place] or not wanted(column):
            continue
        low = model.usual[hour, place] - WIDE * model.stray[hour, place]
        high = model.usual[hour, place] + WIDE * model.stray[hour, place]
        low, high = np.maximum(low, 0.0), np.minimum(high, 100.0) if "percent" in column else high
        found[column] = (_short(low), _short(high))
    return found


def hourly(servers: Collection[int]) -> set[int]:
    """Of which of these the model knows the hours of the day."""
    rows = ModelVersion.objects.current().filter(server__in=list(servers)).values_list("server", "figures")
    return {server for server, figures in rows if figures.get("hours", 1) > 1}


@lru_cache(maxsize=HELD)
def _model(version: int) -> Model | None:
    """A version never changes, so what was read of it holds."""
    row = ModelVersion.objects.filter(pk=version).first()
    return versions.read(row) if row else None


def _short(values: Any) -> list[float]:
    return [float(f"{value:.5g}") for value in np.asarray(values, float).tolist()]
