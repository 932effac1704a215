"""Nightly: each model against known faults in rows of its own server that it has not seen; one card a night."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from core.clock import milliseconds, now
from metrics.base import RAW, TooMuch
from metrics.store import parse, query
from ml import card, child, versions
from ml.model import Model
from ml.models import Card, ModelVersion, Watch

log = logging.getLogger(__name__)

KEPT_DAYS = 60
AGAIN = timedelta(hours=20)
MINUTE_MS = 60_000
PRESENT = 0.5  # of the rows that should be there
PIECE_MS = 6 * 3_600_000  # read at once
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def due(servers: list[int] | None = None) -> list[int]:
    """Servers with a model that alerts and no card of today, those measured longest ago first."""
    rows = Watch.objects.exclude(version=None).exclude(full_at=None)
    if servers is not None:
        rows = rows.filter(server__in=servers)
    last = dict(Card.objects.newest().values_list("server", "measured_at"))
    never = now().replace(year=2000)
    fresh = now() - AGAIN
    old = [server for server in rows.values_list("server", flat=True) if last.get(server, never) <= fresh]
    return sorted(old, key=lambda server: (last.get(server, never), server))


def measure_all(seconds: float, servers: list[int] | None = None) -> int:
    """As many as there is time for; the others come first tomorrow. Gives how many cards were written."""
    until, written = time.monotonic() + seconds, 0
    Card.objects.filter(day__lt=now().date() - timedelta(days=KEPT_DAYS)).delete()
    for server in due(servers):
        if time.monotonic() > until or not child.room():
            break
        try:
            written += measure(server) is not None
        except Exception:
            # One server's odd rows must not cost the others their card.
            log.exception("Server %d was not measured", server)
    return written


def measure(server: int) -> Card | None:
    """A card, or nothing while too few rows came since its model was made."""
    found = versions.load(server)
    watch = Watch.objects.filter(server=server).first()
    if found is None or watch is None:
        return None
    version, model = found
    end = milliseconds()
    start = max(model.to_ms + 1, end - card.MOST_MS)
    if end - start < card.LEAST_MS:
        return None
    times, values = minutes(server, model.columns, start, end)
    if len(times) * MINUTE_MS < PRESENT * card.LEAST_MS:
        return None
    return _write(version, model, watch.threshold, (times, values))


def _write(version: ModelVersion, model: Model, threshold: float, rows: tuple[Ints, Floats]) -> Card:
    times, values = rows
    counts = card.measure(card.judge_of(model, times, threshold), times, values, model.columns, seed=version.number)
    whole = card.read(counts)["all"]
    made, _ = Card.objects.update_or_create(
        server_id=version.server_id, day=now().date(),
        defaults={
            "version": version.number, "measured_at": now(), "span_from": int(times[0]), "span_to": int(times[-1]),
            "threshold": threshold, "counts": counts, "f1": whole["f1"], "fpr": whole["fpr"],
            "may_page": whole["pages"],
        },
    )  # fmt: skip
    return made


def minutes(server: int, columns: tuple[str, ...], start: int, end: int) -> tuple[Ints, Floats]:
    """A row a minute, as models learn: the first sample of each, never a mean."""
    slots = np.arange(start - start % MINUTE_MS, end + 1, MINUTE_MS, dtype=np.int64)
    values = np.full((len(slots), len(columns)), np.nan)
    places = {parse(column): place for place, column in enumerate(columns)}
    for begin, until in _pieces(start, end):
        named = [one for one in query.store.series(server, None, begin, until) if one.key in places]
        try:
            lines = query.store.range(server, named, begin, until, RAW)
        except TooMuch:
            continue
        for key, line in lines.items():
            if len(line.t):
                row, first = np.unique((line.t - slots[0]) // MINUTE_MS, return_index=True)
                fits = (row >= 0) & (row < len(slots))
                values[row[fits], places[key]] = line.mean[first[fits]]
    told = ~np.isnan(values).all(axis=1)
    return slots[told], values[told]


def _pieces(start: int, end: int) -> Iterator[tuple[int, int]]:
    for begin in range(start, end + 1, PIECE_MS):
        yield begin, min(end, begin + PIECE_MS - 1)
