"""From rows to a model, and from a model and rows to scores: one way, whether one learns, replays or checks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ml import tails
from ml.detectors import LIVE, Rows, registry
from ml.least import steps
from ml.model import SILENT_TAIL, Model, persistence
from ml.preprocess import (
    ALWAYS,
    DAY_MS,
    GRID_MS,
    LEVEL_MS,
    WIDE,
    WINSOR,
    Flags,
    Floats,
    NotEnough,
    Scale,
    Times,
    carried,
    counters,
    finite,
    gridded,
    hour_of,
    levelled,
    missing_for,
    onward,
    rates,
    rising,
    scale,
    silent,
)

__all__ = ["Model", "NotEnough", "Options", "Replay", "fit", "recalibrated", "replay"]

FIT_SHARE = 0.7  # the last part of the rows calibrates, the rest is learned from
LEAST_ROWS, LEAST_MS = 60, 14 * 60_000
PROFILE_DAYS, WEEK_DAYS, PROFILE_ROWS = 3, 14, 20
PROFILE_FLOOR = 0.3  # of the overall stray
PRESENT = 0.5  # a row that lacks more than half of what moves is not judged


Profiled = tuple[Times, Floats, Scale, bool]  # with the overall scale, and whether weekdays may be told apart


@dataclass(frozen=True)
class Options:
    """What somebody may choose, and the longer memory of the profile (rows of the five-minute tier)."""

    detectors: tuple[str, ...] = LIVE
    tick_ms: int = GRID_MS
    persistence: int = 0  # points under the median; as the tick asks for when 0
    season_times: Times | None = None
    season_values: Floats | None = None


@dataclass(frozen=True)
class Replay:
    """Rows on the grid of scoring; what cannot be judged is not a number."""

    times: Times
    tail: Floats
    rate_percent: Floats
    raw: dict[str, Floats]
    parts: Floats  # by metric: its share of what is odd
    values: Floats

    def at(self, times: Times, tick_ms: int) -> Floats:
        """The tail of the slot that each of these times lies in."""
        if not len(self.times):
            return np.full(len(times), np.nan)
        place = times // tick_ms - self.times[0] // tick_ms
        there = (place >= 0) & (place < len(self.times))
        return np.where(there, self.tail[np.clip(place, 0, len(self.times) - 1)], np.nan)


def fit(
    times_ms: Times,
    values: Floats,
    columns: tuple[str, ...],
    *,
    step_ms: int = 60_000,
    mask: Flags | None = None,
    options: Options = Options(),
) -> Model:
    """Learn from rows, those under the mask left out; says in a sentence when there is too little."""
    times, values = _tidied(times_ms, values, columns)
    if mask is not None:
        left_out = np.isin(times, np.asarray(times_ms)[mask])
        times, values = times[~left_out], values[~left_out]
    _enough(times, values, step_ms)
    slots, x = gridded(times, rates(times, values, counters(columns)), step_ms)
    x = carried(x)
    present = _present(x, int((~np.isnan(x)).any(0).sum()))
    there = np.flatnonzero(present)
    if len(there) < LEAST_ROWS:
        raise NotEnough(f"Only {len(there)} usable rows so far; {LEAST_ROWS} are needed.")
    cut = int(there[int(FIT_SHARE * len(there))])
    learned = slice(0, cut)
    least = steps(columns, _middle(x[learned]))
    base = scale(x[learned], least)
    wide = _wide(base, x)
    fine = least / base.spread  # the least step of each column in strays
    start = np.nan_to_num(np.nanmedian(_first_day(wide[learned], step_ms), 0))
    # A first row that is far off, as when a machine has just started, would be the level for hours.
    before, level = levelled(wide, start, step_ms / LEVEL_MS, np.inf)
    usual, stray = _profile(*_longer(options, slots[learned], x[learned], least))
    beside, sway = _profile(*_longer(options, slots[learned], (wide - before)[learned], fine, base))
    nothing = np.zeros((0, 0))
    model = Model(
        columns, step_ms, min(options.tick_ms, step_ms), base, usual, stray, beside, sway, {},
        (~np.isnan(x)).mean(0) >= ALWAYS, level,
        nothing, nothing, nothing, nothing,
        options.persistence or persistence(options.tick_ms), max(int((~np.isnan(x)).any(0).sum()), 1),
        len(there), int(times[0]), int(times[-1]),
    )  # fmt: skip
    rows = replace(_rows(model, slots, x, before), least=fine.astype(np.float32))
    model = replace(model, known={name: registry.get(name)().fit(rows.picked(learned)) for name in options.detectors})
    scores, depths = _calibration(model, rows, present & (np.arange(len(x)) >= cut))
    return replace(model, scores=scores, tails=depths, fresh_scores=scores, fresh_tails=depths)


def recalibrated(model: Model, times_ms: Times, values: Floats) -> Model:
    """The same knowledge, its scores compared with those of recent days: absorbs slow drift, nightly."""
    times, values = _tidied(times_ms, values, model.columns)
    slots, x = gridded(times, rates(times, values, counters(model.columns)), model.step_ms)
    x = carried(x)
    present = _present(x, model.seen)
    if present.sum() < LEAST_ROWS:
        return model
    scores, depths = _calibration(model, _rows(model, slots, x), present)
    return replace(model, fresh_scores=scores, fresh_tails=depths)


def replay(model: Model, times_ms: Times, values: Floats) -> Replay:
    """What the stack would have said, row by row, looking back only."""
    times = np.asarray(times_ms, np.int64)
    keep = onward(times)
    times, values = times[keep], finite(values)[keep]
    slot = times // model.tick_ms
    first = np.flatnonzero(np.diff(slot, prepend=slot[0] - 1)) if len(slot) else np.zeros(0, np.intp)
    times, values = times[first], values[first]
    slots, x = gridded(times, rates(times, values, counters(model.columns)), model.tick_ms)
    stopped = silent(missing_for(x), model.always, model.tick_ms)
    x = carried(x)
    shape = len(x), len(model.columns)
    tail, rate = np.zeros(len(x), np.float32), np.zeros(len(x), np.float32)
    raw = {name: np.zeros(len(x), np.float32) for name in model.known}
    parts = np.zeros(shape, np.float32)
    for phase in range(min(model.phases, len(x))):
        of = slice(phase, None, model.phases)
        scored = _scored(model, _rows(model, slots[of], x[of]))
        tail[of], rate[of], parts[of] = scored.tail, scored.rate_percent, scored.parts
        for name, values_of in scored.raw.items():
            raw[name][of] = values_of
    tail[stopped] = np.maximum(tail[stopped], np.float32(SILENT_TAIL))
    judged = _present(x, model.seen)
    tail = np.where(judged, persistent(np.where(judged, tail, 0), model.persistence), np.nan)
    return Replay(slots, tail, np.where(judged, rate, np.nan), raw, parts, x)


def persistent(tail: Floats, points: int) -> Floats:
    """The median of the last points, calm before the first."""
    if points <= 1:
        return tail
    padded = np.r_[np.zeros(points - 1, tail.dtype), tail]
    found: Floats = np.median(np.lib.stride_tricks.sliding_window_view(padded, points), 1)
    return found


def _tidied(times: Times, values: Floats, columns: tuple[str, ...]) -> tuple[Times, Floats]:
    times, values = np.asarray(times, np.int64), finite(values).reshape(len(times), len(columns))
    keep = rising(times)
    return times[keep], values[keep]


def _enough(times: Times, values: Floats, step_ms: int) -> None:
    if not len(times) or not values.shape[1] or np.isnan(values).all():
        raise NotEnough("Nothing was measured yet.")
    span = int(times[-1] - times[0])
    if span < LEAST_MS:
        raise NotEnough(f"Only {span // 60_000} minutes of data so far; 15 are needed.")
    if len(times) < LEAST_ROWS:
        raise NotEnough(f"Only {len(times)} usable rows so far; {LEAST_ROWS} are needed.")


def _present(x: Floats, seen: int) -> Flags:
    """Rows that hold half of the metrics that were ever seen, or more."""
    found: Flags = (~np.isnan(x)).sum(1) >= PRESENT * max(seen, 1)
    return found


def _wide(base: Scale, x: Floats) -> Floats:
    found: Floats = np.clip((x - base.median) / base.spread, -WIDE, WIDE)
    return found


def _middle(x: Floats) -> Floats:
    """What each column usually is; nothing where it was never there."""
    found: Floats = np.nanmedian(np.where(np.isnan(x).all(0), 0.0, x), 0)
    return found


def _first_day(wide: Floats, step_ms: int) -> Floats:
    """The rows of the first day; a metric that was not there yet begins at its median."""
    found = wide[: max(DAY_MS // step_ms, 1)]
    return np.where(np.isnan(found).all(0), 0.0, found)


def _longer(options: Options, slots: Times, rows: Floats, least: Floats, base: Scale | None = None) -> Profiled:
    """The rows of the longer memory where there are any, as they are or beside their slow level."""
    overall = scale(rows, least)
    if options.season_times is None or options.season_values is None or len(options.season_times) < 2:
        return slots, rows, overall, False
    slots, rows = np.asarray(options.season_times), carried(finite(np.asarray(options.season_values)))
    if base is not None:
        wide = _wide(base, rows)
        pace = min(float(np.median(np.diff(slots))) / LEVEL_MS, 1.0)
        rows = wide - levelled(wide, np.zeros(wide.shape[1]), pace)[0]
    return slots, rows, overall, True


def _profile(slots: Times, rest: Floats, overall: Scale, weekly: bool) -> tuple[Floats, Floats]:
    """Median and stray per hour of the week, or the day, or over all, as far as the rows reach."""
    days = (slots[-1] - slots[0]) / DAY_MS
    hours = 168 if days >= WEEK_DAYS and weekly else 24 if days >= PROFILE_DAYS else 1
    usual, stray = np.repeat(overall.median[None], hours, 0), np.repeat(overall.spread[None], hours, 0)
    hour = hour_of(slots, hours)
    for each in range(hours if hours > 1 else 0):
        rows = rest[hour == each]
        enough = (~np.isnan(rows)).sum(0) >= PROFILE_ROWS
        if enough.any():
            rows = rows[:, enough]
            middle = np.nanmedian if np.isnan(rows).any() else np.median
            median = middle(rows, 0)
            usual[each, enough] = median
            deviation = 1.4826 * middle(np.abs(rows - median), 0)
            stray[each, enough] = np.maximum(deviation, PROFILE_FLOOR * overall.spread[enough])
    return usual, stray


def _rows(model: Model, slots: Times, x: Floats, before: Floats | None = None) -> Rows:
    hour = hour_of(slots, len(model.beside))
    z = np.clip((x - model.scale.median) / model.scale.spread, -WINSOR, WINSOR).astype(np.float32)
    wide = _wide(model.scale, x)
    if before is None:
        before = levelled(wide, model.level, model.step_ms / LEVEL_MS)[0]
    h = (np.abs(wide - before - model.beside[hour]) / model.sway[hour]).astype(np.float32)
    return Rows(z, h)


def _calibration(model: Model, rows: Rows, on: Flags) -> tuple[Floats, Floats]:
    """How rare each detector's scores are on these rows: a table for each."""
    found = []
    for name, known in model.known.items():
        detector = registry.get(name)()
        found.append(tails.table(detector.score(known, rows).score[on].astype(np.float64), detector.narrowest))
    return np.stack([scores for scores, _ in found]), np.stack([depths for _, depths in found])


def _scored(model: Model, rows: Rows) -> Replay:
    """One phase, without the persistence, which runs over all of them."""
    total = np.zeros(len(rows.z), np.float32)
    raw, parts, rate = {}, np.zeros(rows.z.shape, np.float32), np.zeros(len(rows.z), np.float32)
    tables, weights = model.tables(), model.weights
    for place, (name, known) in enumerate(model.known.items()):
        scored = registry.get(name)().score(known, rows)
        raw[name] = scored.score
        found = tails.look_up(tables[0][place], tables[1][place], scored.score)
        total += found.astype(np.float32) * np.float32(weights[place])
        if name == "kmeans":
            rate = scored.score * 100
        if name in model.blaming:
            parts += shares(scored.parts)
    return Replay(np.zeros(0, np.int64), total / np.float32(weights.sum() or 1), rate, raw, parts, rows.z)


def shares(parts: Floats) -> Floats:
    found: Floats = parts / np.maximum(parts.sum(-1, keepdims=True), np.float32(1e-9))
    return found
