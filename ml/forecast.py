"""When a finite thing runs out, by its own growth, with an interval and its own past error. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAY = 86_400.0
SHORT, LONG = 7, 14  # steps behind the pace: their mean, and their Theil-Sen slope
FEWEST = 5  # steps below which nothing is said
WRONG = 0.3  # past error from which on nothing is claimed
EIGHT_OF_TEN = 1.28  # deviations on either side of the middle
FAR = 2 * 365 * DAY  # what is further than that is called never
WIDE = 4.0  # an interval whose end is so many times its beginning
BEYOND = 0.2  # the pace is that much less sure for each time that the claim is as long as what it was learnt from
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
    scored: int = 0
    """How many forecasts of the past the error is the middle of."""
    span: float = 0.0
    """How long a past the pace is told from."""


def pace(levels: Floats) -> Floats:
    """Growth a step of each row: half the mean of a week, half the Theil-Sen slope of two."""
    steps = levels.shape[1] - 1
    short, long = min(SHORT, steps), min(LONG, steps)
    mean = (levels[:, -1] - levels[:, -1 - short]) / short
    return np.asarray((mean + _theil_sen(levels[:, -1 - long :])) / 2)


def _theil_sen(levels: Floats) -> Floats:
    first, second = np.triu_indices(levels.shape[1], 1)
    return np.asarray(np.median((levels[:, second] - levels[:, first]) / (second - first), axis=1))


def origins(steps: int) -> tuple[range, int]:
    """Steps of the past at which the forecast can be made once more, and how far ahead what came is known."""
    ahead = max(1, min(SHORT, steps // 3))
    return range(steps - ahead, max(FEWEST - 1, steps - ahead - ORIGINS), -1), ahead


def past_error(levels: Floats) -> Floats:
    """The forecast made again at moments of the past: the share by which the growth that came was missed."""
    places, ahead = origins(levels.shape[1] - 1)
    found = []
    for origin in places:
        said = pace(levels[:, : origin + 1]) * ahead
        came = levels[:, origin + ahead] - levels[:, origin]
        larger = np.maximum(np.maximum(np.abs(said), np.abs(came)), 1e-12)
        found.append(np.abs(said - came) / larger)
    return np.asarray(np.median(found, axis=0)) if found else np.full(len(levels), np.nan)


def paces(levels: Floats, error: float, ahead: Floats, seed: int = 0) -> Floats:
    """Paces that the same past allows, a column a draw and a row for each time ahead, in steps.

    Blocks of its steps are drawn anew, widened by the past error, and by how far ahead that is beside the past that
    is known: a week of the straightest line says little of the next half year.
    """
    steps = len(levels) - 1
    grown = np.diff(levels)[-min(LONG, steps) :]
    count = len(grown)
    block = min(BLOCK, count)
    draw = np.random.default_rng(seed)
    starts = draw.integers(0, count - block + 1, (DRAWS, -(-count // block)))
    places = (starts[:, :, None] + np.arange(block)).reshape(DRAWS, -1)[:, :count]
    means = grown[places].mean(axis=1)
    middle = float(pace(levels[None])[0])
    wrong = np.hypot(WRONG if np.isnan(error) else error, BEYOND * ahead / steps)[:, None]
    return np.asarray(middle + (means - grown.mean()) + middle * wrong * draw.standard_normal(DRAWS))


def judge(levels: Floats, limit: float, step: float) -> Outlook:
    """One thing: its level at even steps (seconds apart), oldest first, NaN where it was not measured."""
    whole = _carried(np.asarray(levels, np.float64))
    if len(whole) and whole[-1] >= limit:
        return Outlook("predictable", "met", float(whole[-1]), left=0.0, low=0.0, high=0.0, steps=len(whole))
    if len(whole) <= FEWEST:
        return Outlook("not_enough", "short", float(whole[-1]) if len(whole) else None, steps=len(whole))
    falls = _falls(whole)
    now = float(whole[-1])
    back = now <= _highest(whole, falls) if len(falls) else False
    if len(falls) >= AGAIN and back:
        return Outlook("not_predictable", "saw_tooth", now, steps=len(whole))
    if len(falls):
        whole = whole[falls[-1] :]
        if len(whole) <= FEWEST:
            return Outlook("not_enough", "began_anew", now, steps=len(whole))
    return doubted(_said(whole, limit, step), int(back))


def _said(levels: Floats, limit: float, step: float) -> Outlook:
    now, row, count = float(levels[-1]), levels[None], len(levels)
    per_step, error = float(pace(row)[0]), float(past_error(row)[0])
    room, per_day = limit - now, per_step * DAY / step
    left = room / per_step * step if per_step > 0 else np.inf
    known = None if np.isnan(error) else error
    ahead = np.minimum([*HORIZONS.values(), FAR], left) / step
    drawn = paces(levels, error, ahead)
    chances = tuple(
        (name, float(np.mean(each * (width / step) >= room)))
        for (name, width), each in zip(HORIZONS.items(), drawn, strict=False)
    )
    found = Outlook(
        "", "", now, per_day, error=known, steps=count, chances=chances,
        scored=0 if known is None else len(origins(count - 1)[0]), span=(count - 1) * step,
    )  # fmt: skip
    if left > FAR or np.all(np.diff(levels) == 0):
        return replace(found, state="never", reason="flat")
    if known is None or known > WRONG:
        return replace(found, state="not_predictable", reason="wrong_before")
    low, end = _interval(drawn[-1], room, left, step)
    state = "unclear" if end is None or end > WIDE * low else "predictable"
    return replace(found, state=state, left=left, low=low, high=end)


def _interval(drawn: Floats, room: float, left: float, step: float) -> tuple[float, float | None]:
    """Of ten ends one is earlier and one later; there may be no later one."""
    with np.errstate(divide="ignore", over="ignore"):
        times = np.where(drawn > 0, room / np.maximum(drawn, 1e-300) * step, np.inf)
    low, high = np.quantile(times, [0.1, 0.9], method="nearest")
    end = None if not np.isfinite(high) or high > FAR else float(max(high, left))
    return float(min(low, left)), end


def doubted(found: Outlook, times: int) -> Outlook:
    """After so many rises as high as this one that fell back before the limit: once is a doubt, twice a habit.

    None of them met the limit, so by the rule of succession one in `times + 2` is expected to.
    """
    if not times or found.state not in {"predictable", "unclear"} or found.reason == "met":
        return found
    if times >= AGAIN:
        return Outlook("not_predictable", "saw_tooth", found.value, steps=found.steps)
    chances = tuple((name, chance / (times + 2)) for name, chance in found.chances)
    return replace(found, reason="fell_back", chances=chances)


def fallen(levels: Floats, limit: float) -> int:
    """How often it rose as high as now, and fell back by a good part of its range before it met the limit."""
    whole = _carried(np.asarray(levels, np.float64))
    if len(whole) <= FEWEST:
        return 0
    large = _large(whole)
    peaks, top, bottom, rising = [], whole[0], whole[0], True
    for value in whole.tolist():
        top, bottom = max(top, value), min(bottom, value)
        if rising and value <= top - large:
            peaks.append(top)
            rising, bottom = False, value
        elif not rising and value >= bottom + large:
            rising, top = True, value
    least = float(whole[-1]) - 0.1 * float(np.ptp(whole))
    return sum(least <= peak < limit for peak in peaks)


def _carried(levels: Floats) -> Floats:
    """From the first value on, gaps filled by what stood before them: space in use stays while nobody looks."""
    known = np.flatnonzero(np.isfinite(levels))
    if not len(known):
        return np.array([])
    found = levels[known[0] :]
    source = np.maximum.accumulate(np.where(np.isfinite(found), np.arange(len(found)), 0))
    return np.asarray(found[source])


def _falls(levels: Floats) -> NDArray[np.int64]:
    """Where it begins anew: falls that are large beside its range and beside how its steps differ."""
    return np.flatnonzero(np.diff(levels) <= -_large(levels)) + 1


def _large(levels: Floats) -> float:
    """Steps are measured against their middle: a steep steady rise does not hide that it is cut."""
    grown = np.diff(levels)
    noise = float(np.median(np.abs(grown - np.median(grown))))
    return max(FALL * float(np.ptp(levels)), STEPS_OF_FALL * noise, 1e-12)


def _highest(levels: Floats, falls: NDArray[np.int64]) -> float:
    """So far it is the same old saw-tooth: as high as before it fell, and a tenth of its range.

    Between the last look and the fall it may have risen by one more step.
    """
    unseen = max(0.1 * float(np.ptp(levels)), float(np.median(np.diff(levels))))
    return float(levels[falls - 1].max()) + unseen


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
    return _further(replace(outlook, per_day=speed, left=left, chances=()), scale, max(0.0, left - before))


def _further(found: Outlook, scale: float, more: float) -> Outlook:
    """Its interval, moved; the pace is less sure of what is further away than it was."""
    unsure = EIGHT_OF_TEN * BEYOND * more / found.span if found.span else 0.0
    low = None if found.low is None else found.low * scale / (1 + unsure)
    high = None if found.high is None or unsure >= 1 else found.high * scale / (1 - unsure)
    wide = low is not None and (high is None or high > WIDE * low)
    state = "unclear" if found.state == "predictable" and wide else found.state
    return replace(found, state=state, low=low, high=high)
