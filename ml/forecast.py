"""When a finite thing runs out, by its own growth, with an interval and its own past error. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAY = 86_400.0
SHORT, LONG = 7, 14  # steps behind the pace: their mean, and their Theil-Sen slope
FEWEST = 5  # steps below which nothing is said
WRONG = 0.3  # past error from which on nothing is claimed
FAR = 2 * 365 * DAY  # what is further than that is called never
WIDE = 4.0  # an interval whose end is so many times its beginning
DRAWS, BLOCK = 200, 3
FALL, STEPS_OF_FALL = 0.25, 5.0
AGAIN = 2  # so many falls are a habit: a saw-tooth
HORIZONS = {"hour": 3600.0, "day": DAY, "two_weeks": 14 * DAY}
ORIGINS = 8  # moments of the past at which the forecast is made once more


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is said of one thing. Times in seconds; `reason` says why there is none."""

    state: str
    reason: str = ""
    value: float | None = None
    per_day: float | None = None
    left: float | None = None
    low: float | None = None
    high: float | None = None
    error: float | None = None
    steps: int = 0
    chances: tuple[tuple[str, float], ...] = ()


def pace(levels: Floats) -> Floats:
    """Growth a step of each row: half the mean of a week, half the Theil-Sen slope of two."""
    steps = levels.shape[1] - 1
    short, long = min(SHORT, steps), min(LONG, steps)
    mean = (levels[:, -1] - levels[:, -1 - short]) / short
    return np.asarray((mean + _theil_sen(levels[:, -1 - long :])) / 2)


def _theil_sen(levels: Floats) -> Floats:
    first, second = np.triu_indices(levels.shape[1], 1)
    return np.asarray(np.median((levels[:, second] - levels[:, first]) / (second - first), axis=1))


def past_error(levels: Floats) -> Floats:
    """The forecast made again at moments of the past: the share by which the growth that came was missed."""
    steps = levels.shape[1] - 1
    ahead = max(1, min(SHORT, steps // 3))
    found = []
    for origin in range(steps - ahead, max(FEWEST - 1, steps - ahead - ORIGINS), -1):
        said = pace(levels[:, : origin + 1]) * ahead
        came = levels[:, origin + ahead] - levels[:, origin]
        larger = np.maximum(np.maximum(np.abs(said), np.abs(came)), 1e-12)
        found.append(np.abs(said - came) / larger)
    return np.asarray(np.median(found, axis=0)) if found else np.full(len(levels), np.nan)


def paces(levels: Floats, error: Floats, seed: int = 0) -> Floats:
    """Paces that the same past allows, a column a draw: blocks of its steps drawn anew, widened by the past error."""
    steps = levels.shape[1] - 1
    grown = np.diff(levels, axis=1)[:, -min(LONG, steps) :]
    count = grown.shape[1]
    block = min(BLOCK, count)
    draw = np.random.default_rng(seed)
    starts = draw.integers(0, count - block + 1, (DRAWS, -(-count // block)))
    places = (starts[:, :, None] + np.arange(block)).reshape(DRAWS, -1)[:, :count]
    means = grown[:, places].mean(axis=2)
    middle = pace(levels)[:, None]
    wrong = np.nan_to_num(error, nan=WRONG)[:, None] * draw.standard_normal(DRAWS)
    return np.asarray(middle + (means - grown.mean(axis=1)[:, None]) + middle * wrong)


def judge(levels: Floats, limit: float, step: float) -> Outlook:
    """One thing: its level at even steps (seconds apart), oldest first, NaN where it was not measured."""
    whole = _carried(np.asarray(levels, np.float64))
    if len(whole) and whole[-1] >= limit:
        return Outlook("predictable", "met", float(whole[-1]), left=0.0, low=0.0, high=0.0, steps=len(whole))
    if len(whole) <= FEWEST:
        return Outlook("not_enough", "short", float(whole[-1]) if len(whole) else None, steps=len(whole))
    falls = _falls(whole)
    now = float(whole[-1])
    if len(falls) >= AGAIN and now <= _highest(whole, falls):
        return Outlook("not_predictable", "saw_tooth", now, steps=len(whole))
    if len(falls):
        whole = whole[falls[-1] :]
        if len(whole) <= FEWEST:
            return Outlook("not_enough", "began_anew", now, steps=len(whole))
    return _said(whole, limit, step)


def _said(levels: Floats, limit: float, step: float) -> Outlook:
    now, row = float(levels[-1]), levels[None]
    per_step = float(pace(row)[0])
    error = float(past_error(row)[0])
    drawn = paces(row, np.array([error]))[0]
    room, per_day, count = limit - now, per_step * DAY / step, len(levels)
    chances = tuple((name, float(np.mean(drawn * (width / step) >= room))) for name, width in HORIZONS.items())
    known = None if np.isnan(error) else error
    left = room / per_step * step if per_step > 0 else np.inf
    if left > FAR or np.all(np.diff(levels) == 0):
        return Outlook("never", "flat", now, per_day, error=known, steps=count, chances=chances)
    if known is None or known > WRONG:
        return Outlook("not_predictable", "wrong_before", now, per_day, error=known, steps=count, chances=chances)
    with np.errstate(divide="ignore", over="ignore"):
        times = np.where(drawn > 0, room / np.maximum(drawn, 1e-300) * step, np.inf)
    low, high = np.quantile(times, [0.1, 0.9], method="nearest")
    end = None if not np.isfinite(high) or high > FAR else float(max(high, left))
    state = "unclear" if end is None or end > WIDE * low else "predictable"
    return Outlook(state, "", now, per_day, left, float(min(low, left)), end, known, count, chances)


def _carried(levels: Floats) -> Floats:
    """From the first value on, gaps filled by what stood before them: space in use stays while nobody looks."""
    known = np.flatnonzero(np.isfinite(levels))
    if not len(known):
        return np.array([])
    found = levels[known[0] :]
    source = np.maximum.accumulate(np.where(np.isfinite(found), np.arange(len(found)), 0))
    return np.asarray(found[source])


def _falls(levels: Floats) -> NDArray[np.int64]:
    """Where it begins anew: falls that are large beside its range and beside its usual steps."""
    grown = np.diff(levels)
    usual = float(np.median(np.abs(grown)))
    large = max(FALL * float(np.ptp(levels)), STEPS_OF_FALL * usual, 1e-12)
    return np.flatnonzero(grown <= -large) + 1


def _highest(levels: Floats, falls: NDArray[np.int64]) -> float:
    """How high it went before it fell, and a tenth of its range: so far it is the same old saw-tooth."""
    return float(levels[falls - 1].max() + 0.1 * np.ptp(levels))


def best(days: Outlook, hours: Outlook, seen: float) -> Outlook:
    """Of two looks: by hours what comes soon, within as long as it was seen; else by days."""
    soon = hours.left is not None and hours.left <= seen and hours.state == "predictable"
    if soon and days.reason != "saw_tooth" and (days.left is None or (hours.left or 0) < days.left / 2):
        return hours
    if days.state == "not_enough" and days.reason != "began_anew" and hours.state not in {"not_enough"}:
        return _near(hours, seen)
    return days


def _near(hours: Outlook, seen: float) -> Outlook:
    """A few hours tell nothing of the months to come."""
    if hours.left is None or hours.left <= seen or hours.state == "not_predictable":
        return hours
    return Outlook("not_enough", "short", hours.value, hours.per_day, steps=hours.steps, error=hours.error)


def what_if(outlook: Outlook, limit: float, *, growth: float = 1.0, larger: float = 1.0) -> Outlook:
    """The same with growth that is so many times as fast, on a thing that is so many times as large."""
    if outlook.value is None or not outlook.per_day or outlook.per_day <= 0 or outlook.state == "not_enough":
        return outlook
    room = limit * larger - outlook.value
    speed = outlook.per_day * growth
    left = max(0.0, room / speed * DAY) if speed > 0 else np.inf
    if left > FAR:
        return Outlook("never", "flat", outlook.value, speed, error=outlook.error, steps=outlook.steps)
    before = outlook.left or (limit - outlook.value) / outlook.per_day * DAY
    scale = left / before if before else 1.0
    low = None if outlook.low is None else outlook.low * scale
    high = None if outlook.high is None else outlook.high * scale
    return Outlook(outlook.state, outlook.reason, outlook.value, speed, left, low, high, outlook.error, outlook.steps)
