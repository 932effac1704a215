"""Silence over the past: gaps in what was stored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alerts.engine import Ints
from alerts.kinds import no_data
from alerts.kinds.base import read
from alerts.replay import reading
from alerts.replay.found import Judged, begin, wanted
from alerts.replay.reading import HOUR, Budget, Halves, Key, Wanted
from alerts.replay.spans import STEP, Span

WITNESS = "cpu_used_percent"
LEAST, INTERVALS = 60_000, 6


def look(found: Judged, budget: Budget) -> None:
    """By counts of five minutes, and where something is missing by the samples, as long as they are kept."""
    asked = wanted(found, "count")
    asked = Wanted(asked.metric or WITNESS, asked.fits, asked.servers, asked.limits, "count")
    told = reading.fleet(asked, (found.start, found.end), budget.part(0.6))
    border = begin(found, told)
    every = {one.pk: one.interval * 1000 for one in found.servers}
    coarse = 0
    for key, counts in sorted(told.columns.items()):
        wait = found.rule.for_seconds * 1000 or max(LEAST, INTERVALS * every[key[0]])
        times, ends = _heard(told.times, counts)
        missing = counts < STEP / every[key[0]] - wait / every[key[0]] / 2
        if len(times) and (missing | np.isnan(counts)).any():
            exact = not budget.spent
            coarse += not exact
            if exact:
                times, ends = _finer(
                    asked, key, (times, ends), missing | np.isnan(counts), (told.times, border, found.end)
                )
            found.spans += _gaps(found, key, times, ends, wait)
    found.notes.append(
        f"By gaps in {asked.metric} as it is stored: what an agent kept while it could not reach us fills them."
    )
    if coarse:
        found.notes.append(f"{coarse} series were looked at by five minutes alone: there was no time for more.")


def _heard(times: Ints, counts: Halves) -> tuple[Ints, Ints]:
    """Beginnings and ends of buckets with samples."""
    known = ~np.isnan(counts) & (counts > 0)
    return times[known], times[known] + STEP


def _finer(
    asked: Wanted,
    key: Key,
    heard: tuple[Ints, Ints],
    missing: NDArray[np.bool_],
    when: tuple[Ints, int, int],
) -> tuple[Ints, Ints]:
    """Around what is missing, the samples instead of the buckets."""
    times, border, end = when
    hours = sorted({int(at - at % HOUR) for at in times[missing & (times >= border)]})
    starts, ends = heard
    begins, stops = [starts], [ends]
    for first, last in reading.runs(sorted({near for hour in hours for near in (hour - HOUR, hour, hour + HOUR)})):
        span = max(first, border), min(last, end)
        inside = (starts >= span[0]) & (starts <= span[1])
        starts, ends = starts[~inside], ends[~inside]
        sampled = asked.samples(key[0], [key[1]], span).get(key[1])
        if sampled is not None:
            begins.append(sampled[0])
            stops.append(sampled[0])
    begins[0], stops[0] = starts, ends
    order = np.argsort(np.concatenate(begins), kind="stable")
    return np.concatenate(begins)[order], np.concatenate(stops)[order]


def _gaps(found: Judged, key: Key, starts: Ints, ends: Ints, wait: int) -> list[Span]:
    severity = read(no_data.Params, found.rule.params).severity
    after = np.append(starts[1:], found.end)
    listed = []
    for place in np.flatnonzero(after - ends > wait).tolist():
        end = int(after[place]) if place + 1 < len(starts) else None
        silent = (int(after[place]) - int(ends[place])) / 1000
        listed.append(Span(key[0], key[1], int(ends[place]) + wait, end, severity, silent))
    return listed
