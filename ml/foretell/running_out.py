"""When every finite thing of every server runs out: judged from the rollups, kept beside what was said before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from metrics.base import HOURS
from metrics.store import write
from ml import forecast
from ml.forecast import DAY, Outlook
from ml.foretell.reading import Key, Levels, levels
from ml.foretell.things import COUNTDOWN, THINGS, Thing
from ml.models import Crossing, Forecast

Floats = NDArray[np.float64]
Limits = dict[tuple[int, tuple[tuple[str, str], ...]], float]
DAYS, HOURS_SEEN = 32, 72
MOST_SAID = 60
ALL_FIELDS = (
    "state", "reason", "value", "limit", "per_day", "seconds_left", "seconds_low", "seconds_high", "chances",
    "error", "scored", "span_from", "at", "said",
)  # fmt: skip


@dataclass(slots=True)
class Said:
    """What is said now of one thing."""

    server: int
    metric: str
    labels: str
    limit: float
    outlook: Outlook
    row: Forecast | None = field(default=None)


def all_of(servers: Sequence[int], now: int) -> Iterator[Said]:
    """One after another: in memory stands what belongs to one metric."""
    for thing in THINGS:
        limits = _limits(thing, servers, now)
        for found in levels(thing.metric, servers, now, DAYS * 24, HOURS):
            yield from _judged(found, thing, limits)
    for found in levels(COUNTDOWN, servers, now, 2, HOURS):
        yield from _counted(found)


def _limits(thing: Thing, servers: Sequence[int], now: int) -> Limits:
    """By server and labels; the newest size there was within two days."""
    if not thing.limit_metric:
        return {}
    limits: Limits = {}
    for found in levels(thing.limit_metric, servers, now, 48, HOURS):
        for server, column in zip(found.servers, found.values.T, strict=True):
            limits[server, found.key[1]] = float(column[np.isfinite(column)][-1])
    return limits


def _judged(found: Levels, thing: Thing, limits: Limits) -> Iterator[Said]:
    for server, column in zip(found.servers, found.values.T, strict=True):
        limit = thing.limit if thing.limit is not None else limits.get((server, found.key[1]))
        if limit and np.isfinite(column[-48:]).any():
            yield Said(server, thing.metric, write(found.key[1]), limit, look(column, limit))


def look(hourly: Floats, limit: float) -> Outlook:
    """By days at the same hour, which no rhythm of a day disturbs, and by hours for what hurries.

    What hurries may be a rhythm that the days before show: it is held against all that was seen, not its hours alone.
    """
    whole = _held(hourly)
    by_days = forecast.judge(_daily(whole), limit, DAY)
    by_hours = forecast.judge(_since_known(whole[-HOURS_SEEN:]), limit, 3600.0)
    if by_hours.state in {"predictable", "unclear"}:
        by_hours = forecast.doubted(by_hours, forecast.fallen(whole, limit))
    seen = 3600.0 * float(np.isfinite(whole[-HOURS_SEEN:]).sum())
    return forecast.best(by_days, by_hours, seen)


def _held(hourly: Floats) -> Floats:
    """An hour that is just beginning has not told anything yet: it is as the one before."""
    known = np.flatnonzero(np.isfinite(hourly))
    found = hourly.copy()
    found[known[-1] :] = hourly[known[-1]]
    return found


def _daily(hourly: Floats) -> Floats:
    return hourly[::-1][::24][::-1]


def _since_known(hourly: Floats) -> Floats:
    return hourly[np.flatnonzero(np.isfinite(hourly))[0] :] if np.isfinite(hourly).any() else hourly


def _counted(found: Levels) -> Iterator[Said]:
    for server, column in zip(found.servers, found.values.T, strict=True):
        left = float(column[np.isfinite(column)][-1])
        reason = "met" if left <= 0 else ""
        chances = tuple((name, float(left <= width)) for name, width in forecast.HORIZONS.items())
        at = max(0.0, left)
        outlook = Outlook("predictable", reason, left, -DAY, at, at, at, 0.0, 1, chances)
        yield Said(server, COUNTDOWN, write(found.key[1]), 0.0, outlook)


@transaction.atomic
def keep(said: Sequence[Said], servers: Sequence[int], now: int) -> list[Said]:
    """The newest word on each; what was forecast of a limit that is met now is kept for good."""
    before = {(row.server_id, row.metric, row.labels): row for row in Forecast.objects.filter(server__in=servers)}
    crossed = []
    for one in said:
        old = before.pop((one.server, one.metric, one.labels), None)
        history = list(old.said) if old else []
        if one.outlook.reason == "met" and old is not None and old.reason != "met" and history:
            crossed.append(_crossing(one, history, now))
            history = []
        one.row = _row(one, _with_today(history, one.outlook, now), now)
    rows = [one.row for one in said if one.row]
    Forecast.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["server", "metric", "labels"], update_fields=ALL_FIELDS,
        batch_size=500,
    )  # fmt: skip
    Crossing.objects.bulk_create(crossed)
    gone = [row.pk for row in before.values() if row.at < now - 2 * 86_400_000]
    Forecast.objects.filter(pk__in=gone).delete()
    return list(said)


def _row(one: Said, history: list[list[float | None]], now: int) -> Forecast:
    look = one.outlook
    return Forecast(
        server_id=one.server, metric=one.metric, labels=one.labels, state=look.state, reason=look.reason,
        value=look.value, limit=one.limit, per_day=look.per_day, seconds_left=look.left, seconds_low=look.low,
        seconds_high=look.high, chances=dict(look.chances), error=look.error, scored=look.scored,
        span_from=now - round(1000 * look.span), at=now, said=history,
    )  # fmt: skip


def _with_today(history: list[list[float | None]], look: Outlook, now: int) -> list[list[float | None]]:
    """One word a day, the first of it."""
    if look.state not in {"predictable", "unclear"} or look.reason == "met":
        return history
    if history and int(history[-1][0] or 0) // 86_400_000 == now // 86_400_000:
        return history
    return [*history, [now, look.left, look.low, look.high]][-MOST_SAID:]


def _crossing(one: Said, history: list[list[float | None]], now: int) -> Crossing:
    """How far off the last word of at least a day before was."""
    early = [word for word in history if now - int(word[0] or 0) >= 86_400_000 and word[1]]
    error = None
    if early:
        came = (now - int(early[-1][0] or 0)) / 1000
        error = abs(float(early[-1][1] or 0) - came) / came
    return Crossing(
        server_id=one.server, metric=one.metric, labels=one.labels, limit=one.limit, at=now, said=history, error=error
    )


__all__ = ["Key", "Said", "all_of", "keep", "look"]
