"""What the slider would have meant last week: how many alarms each setting would have given, from the hours kept."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.clock import milliseconds
from ml import hours
from ml.budget import DAYS, thresholds
from ml.models import Watch

WEEK_DAYS = 7


@dataclass(frozen=True)
class Meant:
    """One setting: alarms of all servers together, and how many servers would have had any."""

    per_week: float
    alarms: int
    servers: int
    hours: float = 0.0
    """How much of the week is known, in the middle of the servers."""


def would_have(servers: Collection[int], settings: Sequence[float]) -> tuple[list[Meant], int]:
    """For each setting; and how many servers have hours that can be looked at. Hours side by side are one alarm."""
    until = milliseconds() // hours.HOUR
    table = _table(servers, until)
    table = table[~np.isnan(table[:, -24 * WEEK_DAYS :]).all(axis=1)]
    past = np.sort(table[:, :-1], axis=1)  # the whole hours; what is not known goes to the end
    week = table[:, -24 * WEEK_DAYS :]
    span = float(np.median((~np.isnan(week)).sum(axis=1))) if len(week) else 0.0
    found = []
    for wanted in settings:
        with np.errstate(invalid="ignore"):
            over = week >= thresholds(past, wanted)[:, None]
        begins = over & ~np.pad(over, ((0, 0), (1, 0)))[:, :-1]
        runs = begins.sum(axis=1)
        found.append(Meant(wanted, int(runs.sum()), int((runs > 0).sum()), span))
    return found, len(table)


def scores(servers: Collection[int], first: int, count: int) -> dict[int, NDArray[np.float64]]:
    """The highest score of each hour from `first` on, hours since 1970; of the past, too, from before it was told."""
    rows = Watch.objects.filter(server__in=list(servers)).exclude(version=None).exclude(full_at=None)
    found = {}
    for server, blob, threshold in rows.values_list("server_id", "maxima", "threshold").iterator():
        hour, most = hours.columns(blob)
        column = hour - first
        inside = (column >= 0) & (column < count)
        line = np.full(count, np.nan)
        line[column[inside]] = most[inside] / threshold
        found[server] = line
    return found


def _table(servers: Collection[int], until: int) -> NDArray[np.float64]:
    """A row for each server that may alert, a column for each hour up to this one."""
    rows = Watch.objects.filter(server__in=list(servers)).exclude(version=None).exclude(full_at=None)
    blobs = list(rows.values_list("maxima", flat=True).iterator())
    table = np.full((len(blobs), 24 * DAYS + 1), np.nan)
    for place, blob in enumerate(blobs):
        hour, most = hours.columns(blob)
        column = hour + (24 * DAYS - until)
        inside = (column >= 0) & (column <= 24 * DAYS)
        table[place, column[inside]] = most[inside]
    return table
