"""What a first model says of the days before it: times that were unusual then, as episodes that are over."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.clock import from_milliseconds
from ml.model import Model
from ml.models import Episode
from ml.pipeline import Replay
from ml.preprocess import hour_of
from ml.scores.episodes import CALM, told
from ml.stacked import TOP, Reason, band

MOST = 5
LEAST_POINTS = 2


def episodes(server: int, number: int, model: Model, said: Replay, limit: float) -> list[Episode]:
    """The greatest few, each with what was to blame at its peak; none of the last minutes, which are judged live."""
    places = np.flatnonzero(np.nan_to_num(said.tail) >= limit)
    places = places[said.times[places] < said.times[-1] - CALM] if len(places) else places
    if not len(places):
        return []
    runs = np.split(places, np.flatnonzero(np.diff(said.times[places]) > CALM) + 1)
    runs = [run for run in runs if len(run) >= LEAST_POINTS]
    runs.sort(key=lambda run: -float(said.tail[run].max()))
    return [_episode(server, number, model, said, run, limit) for run in runs[:MOST]]


def _episode(server: int, number: int, model: Model, said: Replay, run: NDArray[np.intp], limit: float) -> Episode:
    peak = int(run[np.argmax(said.tail[run])])
    score = round(float(said.tail[peak]) / limit, 4)
    return Episode(
        server_id=server, version=number, peak=score, level=score, peak_at=from_milliseconds(int(said.times[peak])),
        began_at=from_milliseconds(int(said.times[run[0]])), last_at=from_milliseconds(int(said.times[run[-1]])),
        ended_at=from_milliseconds(int(said.times[run[-1]])), top=told(model.columns, _reasons(model, said, peak)),
    )  # fmt: skip


def _reasons(model: Model, said: Replay, peak: int) -> tuple[Reason, ...]:
    parts, value = np.nan_to_num(said.parts[peak]), said.values[peak]
    hour = int(hour_of(said.times[peak : peak + 1], len(model.usual))[0])
    usual, stray = model.usual[hour], model.stray[hour]
    low, high = band(usual, stray, model.scale.low, model.scale.high)
    share, z = parts / max(float(parts.sum()), 1e-9), (value - usual) / np.maximum(stray, 1e-12)
    top = [column for column in np.argsort(-parts)[:TOP].tolist() if parts[column] > 0]
    columns = (each[top].tolist() for each in (share, z, value, low, high))
    return tuple(Reason(*each) for each in zip(top, *columns, strict=True))
