"""Servers of one width in arrays (server, metric): what is remembered of each, and one step for many of them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml import tails
from ml.detectors import hour, kmeans, pca, registry
from ml.detectors.base import RESIDUAL_CAP, Rows
from ml.model import LONGEST_MEDIAN, SILENT_TAIL, Model
from ml.pipeline import PRESENT, shares
from ml.preprocess import CARRY, HOUR_MS, HUGE, LEVEL_MS, NEAR, WIDE, WINSOR, Floats, Times, counters, hour_of, silent

STACKED = ("kmeans", "pca", "hour")
AWAY = (("away", hour.CAP), ("blame", hour.BLAME_CAP))  # what is judged, and what is named
PCA, HOUR = STACKED.index("pca"), STACKED.index("hour")
RING = LONGEST_MEDIAN
EXTRA_ROWS = 3  # what detectors that are not stacked look back
LONGEST = kmeans.SMOOTH + kmeans.LAGS + kmeans.RATE  # steps after which nothing of a row is left
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Judged:
    tail: Floats
    rate_percent: Floats
    parts: Floats
    values: Floats
    usual: Floats
    stray: Floats


class Group:
    """Grows as servers come; the place of one that left is taken by the next."""

    def __init__(self, width: int, phases: int, tick_ms: int) -> None:
        self.width, self.phases, self.tick_ms = width, phases, tick_ms
        self.pace = phases * tick_ms / LEVEL_MS
        self.rows: dict[Hashable, int] = {}
        self.free: list[int] = []
        self.models: list[Model] = []
        self.held: dict[str, NDArray[Any]] = {}
        self.extra_rows: dict[int, tuple[str, ...]] = {}
        self.extra: dict[int, Floats] = {}
        self.tables: dict[int, tuple[Floats, Floats]] = {}
        self.size = 0
        self._grow(8)

    def __hash__(self) -> int:
        return id(self)

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], float, type]]:
        """By name: the shape with the server's place as -1, what an unused place holds, and the type."""
        m, p = self.width, self.phases
        f32, f64 = np.float32, np.float64
        return {
            "median": ((-1, m), 0, f64), "spread": ((-1, m), 1, f64),
            "seen": ((-1,), 1, f32), "always": ((-1, m), 0, np.bool_),
            "beside": ((-1, m), 0, f64), "sway": ((-1, m), 1, f64), "hour": ((-1,), -1, np.int64),
            "usual": ((-1, m), 0, f64), "stray": ((-1, m), 1, f64), "shown": ((-1,), -1, np.int64),
            "low": ((-1, m), 0, f64), "high": ((-1, m), 0, f64),
            "hours": ((-1,), 1, np.int64), "counting": ((-1, m), 0, np.bool_),
            "centres": ((2, kmeans.LAGS, -1, m), 0, f32), "limit": ((-1, m), np.inf, f32),
            "level": ((p, -1, m), 0, f64), "wide": ((p, -1, m), np.nan, f64),
            "mean": ((-1, m), 0, f32), "axes": ((-1, m, pca.COMPONENTS), 0, f32), "deviation": ((-1, m), 1, f32),
            "scores": ((len(STACKED), -1, 2 * tails.KNOTS), 0, f64),
            "tails": ((len(STACKED), -1, 2 * tails.KNOTS), 0, f64),
            "on": ((len(STACKED), -1), 0, f32), "points": ((-1,), RING, np.int64),
            "slot": ((-1,), -1, np.int64), "time": ((-1,), 0, np.int64), "raw": ((-1, m), np.nan, f64),
            "last": ((-1, m), np.nan, f64), "age": ((-1, m), 0, np.int64),
            "z": ((p, -1, m), np.nan, f32), "change": ((p, kmeans.SMOOTH, -1, m), 0, f32),
            "moved": ((p, kmeans.LAGS, -1, m), 0, f32), "share": ((p, kmeans.RATE, -1), 0, f32),
            "strain": ((p, pca.SMOOTH, -1, m), 0, f32), "away": ((p, hour.SMOOTH, -1, m), 0, f32),
            "blame": ((p, hour.SMOOTH, -1, m), 0, f32), "blames": ((len(STACKED), -1), 0, f32),
            "tail": ((RING, -1), 0, f32),
        }  # fmt: skip

    def _grow(self, size: int) -> None:
        for name, (shape, empty, kind) in self._shapes().items():
            axis = shape.index(-1)
            found: NDArray[Any] = np.full([size if each == -1 else each for each in shape], empty, kind)
            if name in self.held:
                found[(slice(None),) * axis + (slice(0, self.size),)] = self.held[name]
            self.held[name] = found
        self.free = list(range(size - 1, self.size - 1, -1)) + self.free
        self.models += [None] * (size - self.size)  # type: ignore[list-item]
        self.size = size

    @property
    def bytes(self) -> int:
        return sum(each.nbytes for each in self.held.values())

    def drop(self, key: Hashable) -> None:
        row = self.rows.pop(key)
        self.extra_rows.pop(row, None)
        self.extra.pop(row, None)
        self.tables.pop(row, None)
        self.free.append(row)

    def put(self, key: Hashable, model: Model) -> None:
        if not self.free:
            self._grow(2 * self.size)
        row = self.rows[key] = self.free.pop()
        self.models[row] = model
        held, m = self.held, len(model.columns)
        for name, (shape, empty, _) in self._shapes().items():
            held[name][(slice(None),) * shape.index(-1) + (row,)] = empty
        held["median"][row, :m], held["spread"][row, :m] = model.scale.median, model.scale.spread
        held["low"][row, :m], held["high"][row, :m] = model.scale.low, model.scale.high
        held["counting"][row, :m] = counters(model.columns)
        held["seen"][row] = model.seen
        held["always"][row, :m] = model.always
        held["hours"][row] = len(model.beside)
        held["points"][row] = min(model.persistence, RING)
        held["level"][:, row, :m] = model.level
        self.retable(row, model)
        if others := tuple(name for name in model.detectors if name not in STACKED):
            self.extra_rows[row] = others
        if "kmeans" in model.known:
            held["centres"][:, :, row, :m] = model.known["kmeans"]["centres"].transpose(1, 2, 0)
            held["limit"][row, :m] = model.known["kmeans"]["limit"]
        if "pca" in model.known:
            held["mean"][row, :m] = model.known["pca"]["mean"]
            held["axes"][row, :m] = model.known["pca"]["axes"].T
            held["deviation"][row, :m] = model.known["pca"]["deviation"]

    def retable(self, row: int, model: Model) -> None:
        """How rare its scores are, by the tables of this model."""
        self.models[row] = model
        self.tables[row] = scores, depths = model.tables()
        for place, name in enumerate(model.detectors):
            if name in STACKED:
                which = STACKED.index(name)
                self.held["scores"][which, row], self.held["tails"][which, row] = scores[place], depths[place]
                self.held["on"][which, row] = model.weights[place]
                self.held["blames"][which, row] = name in model.blaming

    def padded(self, rows: Sequence[Floats]) -> Floats:
        found = np.full((len(rows), self.width), np.nan)
        if len({len(row) for row in rows}) == 1:
            found[:, : len(rows[0])] = rows
            return found
        for place, row in enumerate(rows):
            found[place, : len(row)] = row
        return found

    def judge(self, slot: int, times: Times, at: Places, raw: Floats) -> Judged:
        """A row for each of these servers in this slot; one that is not later than the last is not judged."""
        held = self.held
        self._catch_up(at, slot)
        fresh = held["slot"][at] < slot
        if fresh.all():
            return self._advance(at, slot, times, raw)
        judged = self._nothing(len(at))
        if fresh.any():
            some = self._advance(at[fresh], slot, times[fresh], raw[fresh])
            for name in ("tail", "rate_percent", "parts", "values", "usual", "stray"):
                getattr(judged, name)[fresh] = getattr(some, name)
        return judged

    def _nothing(self, count: int) -> Judged:
        wide = np.full((5, count, self.width), np.nan)
        return Judged(np.full(count, np.nan), np.full(count, np.nan), wide[0], wide[1], wide[2], wide[3])

    def _catch_up(self, at: Places, slot: int) -> None:
        """Slots without a row pass as they would in a replay; after long ones nothing is left of what was."""
        last = self.held["slot"][at]
        late = (last >= 0) & (last < slot - 1)
        if not late.any():
            return
        at, last = at[late], last[late]
        for missed in range(int(last.min()) + 1, slot):
            rows = at[(last < missed) & (missed <= last + self.memory)]
            if len(rows):
                self._advance(rows, missed, None, np.full((len(rows), self.width), np.nan))
            elif missed > last.max() + self.memory:
                break
        lost = slot - 1 - last > self.memory
        for row, since in zip(at[lost].tolist(), last[lost].tolist(), strict=True):
            self._pass(row, since + self.memory + 1, slot)

    @property
    def memory(self) -> int:
        """Slots after which all that is left of a row is the slow level."""
        return self.phases * LONGEST + CARRY + RING

    def _pass(self, row: int, first: int, slot: int) -> None:
        """The slots from the first up to this one, without a row in any: the slow level goes on to what was last."""
        held, passed = self.held, slot - first
        held["age"][row] += passed
        for phase in range(self.phases):
            steps = (slot - 1 - phase) // self.phases - (first - 1 - phase) // self.phases
            level, last = held["level"][phase][row], held["wide"][phase][row]
            gone = last + (level - last) * (1 - self.pace) ** steps
            held["level"][phase][row] = np.where(np.isnan(last), level, gone)

    def _advance(self, at: Places, slot: int, times: Times | None, raw: Floats) -> Judged:
        held, places = self.held, _places(at)
        x = self._carried(places, self._rates(places, times, raw) if times is not None else raw)
        held["slot"][places] = slot
        self._turn_hours(at, slot)
        phase, step = slot % self.phases, slot // self.phases
        median, spread = held["median"][places], held["spread"][places]
        wide = (x - median) / spread
        z = np.clip(wide, -WINSOR, WINSOR).astype(np.float32)
        usual = self._levelled(places, phase, np.clip(wide, -WIDE, WIDE)) + held["beside"][places]
        h = (np.abs(np.clip(wide, -WIDE, WIDE) - usual) / held["sway"][places]).astype(np.float32)
        there = ~np.isnan(z)
        count = there.sum(1)
        share = self._bits(places, phase, step, z, there, count)
        strain = self._strain(places, phase, step, z, there)
        away, blame = (self._away(places, phase, step, h, each) for each in AWAY)
        most = np.maximum(count, 1)
        raws = (share, np.log1p(strain.sum(1) / most), hour.loud(away) + np.float32(0.5) * (away.sum(1) / most))
        total, number = self._tails(places, raws)
        blames = held["blames"][:, places, None]
        parts = blames[PCA] * shares(np.sqrt(strain)) + blames[HOUR] * shares(blame)
        if self.extra_rows:
            self._extra(at, phase, Rows(z, h), (total, number, parts))
        judged = count >= PRESENT * held["seen"][places]
        total = total / np.maximum(number, 1)
        stopped = silent(held["age"][places], held["always"][places], self.tick_ms)
        total[stopped] = np.maximum(total[stopped], np.float32(SILENT_TAIL))
        tail = self._persistent(places, slot, np.where(judged, total, np.float32(0)))
        rate = np.where(judged, share * 100, np.nan)
        tail = np.where(judged, tail, np.nan)
        return Judged(tail, rate, parts, x, median + spread * usual, spread * held["sway"][places])

    def _rates(self, places: Places | slice, times: Times, raw: Floats) -> Floats:
        held = self.held
        raw = np.where(np.abs(raw) < HUGE, raw, np.nan)
        counting = held["counting"][places]
        if not counting.any():
            return raw
        added = raw - held["raw"][places]
        seconds = (times - held["time"][places])[:, None] / 1000
        held["raw"][places], held["time"][places] = raw, times
        found: Floats = np.where(counting, np.where(added >= 0, added / seconds, np.nan), raw)
        return found

    def _carried(self, places: Places | slice, x: Floats) -> Floats:
        held = self.held
        missing = np.isnan(x)
        age = np.where(missing, held["age"][places] + 1, 0)
        last = np.where(missing, held["last"][places], x)
        held["age"][places], held["last"][places] = age, last
        found: Floats = np.where(age <= CARRY, last, np.nan)
        return found

    def _levelled(self, places: Places | slice, phase: int, wide: Floats) -> Floats:
        """The slow level before this row; it moves on with the row, or with the last that was there."""
        held = self.held
        level, last = held["level"][phase][places], held["wide"][phase][places]
        begins = np.isnan(last) & (np.abs(wide - level) > NEAR)
        level = np.where(begins, wide, level)
        last = np.where(np.isnan(wide), last, wide)
        moved = level + self.pace * (last - level)
        held["level"][phase][places] = np.where(np.isnan(last), level, moved)
        held["wide"][phase][places] = last
        return level

    def _turn_hours(self, at: Places, slot: int) -> None:
        """The usual of this hour, for those whose hour has turned."""
        held = self.held
        now = hour_of(np.array(slot * self.tick_ms), held["hours"][at])
        for row, each in zip(
            at[now != held["hour"][at]].tolist(), now[now != held["hour"][at]].tolist(), strict=True
        ):
            model = self.models[row]
            m = len(model.columns)
            held["beside"][row, :m], held["sway"][row, :m] = model.beside[each], model.sway[each]
            held["hour"][row] = each

    def profile(self, at: Places) -> tuple[Floats, Floats]:
        """What people are shown as usual at the hour of the last row, for these; read when the hour has turned."""
        held = self.held
        hours = held["slot"][at] * self.tick_ms // HOUR_MS
        turned = held["shown"][at] != hours
        for row, now in zip(at[turned].tolist(), hours[turned].tolist(), strict=True):
            model = self.models[row]
            m, each = len(model.columns), int(hour_of(np.array(now * HOUR_MS), len(model.usual)))
            held["usual"][row, :m], held["stray"][row, :m] = model.usual[each], model.stray[each]
            held["shown"][row] = now
        return held["usual"], held["stray"]

    def _bits(self, places: Any, phase: int, step: int, z: Floats, there: Any, count: Any) -> Floats:
        held = self.held
        change = np.nan_to_num(z - held["z"][phase][places])
        held["z"][phase][places] = z
        moved = _ring(held["change"][phase], places, step, change) / np.float32(kmeans.SMOOTH)
        ring = held["moved"][phase]
        ring[step % kmeans.LAGS][places] = moved
        lagged = [ring[(step - lag) % kmeans.LAGS][places] for lag in range(kmeans.LAGS)]
        far = np.minimum(_distance(lagged, held["centres"][0], places), _distance(lagged, held["centres"][1], places))
        bits = (far > held["limit"][places]) & there
        share = bits.sum(1, dtype=np.float32) / np.maximum(count, 1)
        return _ring(held["share"][phase], places, step, share) / np.float32(kmeans.RATE)

    def _strain(self, places: Any, phase: int, step: int, z: Floats, there: Any) -> Floats:
        held = self.held
        axes = held["axes"][places]
        z = np.where(there, z - held["mean"][places], np.float32(0))
        along = np.matmul(z[:, None, :], axes)
        rest = (z - np.matmul(axes, along.transpose(0, 2, 1))[:, :, 0]) / held["deviation"][places]
        strain = np.where(there, np.clip(rest, -RESIDUAL_CAP, RESIDUAL_CAP) ** 2, np.float32(0))
        return _ring(held["strain"][phase], places, step, strain) / np.float32(pca.SMOOTH)

    def _away(self, places: Any, phase: int, step: int, h: Floats, kind: tuple[str, float]) -> Floats:
        ring, cap = kind
        away = np.nan_to_num(np.minimum(h, np.float32(cap)))
        return _ring(self.held[ring][phase], places, step, away) / np.float32(hour.SMOOTH)

    def _tails(self, places: Any, raws: tuple[Floats, ...]) -> tuple[Floats, Floats]:
        held = self.held
        on = held["on"][:, places]
        total = np.zeros(len(raws[0]), np.float32)
        for which, raw in enumerate(raws):
            found = tails.look_up(held["scores"][which][places], held["tails"][which][places], raw)
            total += found.astype(np.float32) * on[which]
        return total, on.sum(0)

    def _extra(self, at: Places, phase: int, rows: Rows, sums: tuple[Floats, Floats, Floats]) -> None:
        """Detectors that know no stack, one server after the other, each with its last few rows."""
        total, number, parts = sums
        for place, row in enumerate(at.tolist()):
            names = self.extra_rows.get(row)
            if not names:
                continue
            model = self.models[row]
            m = len(model.columns)
            ring = self.extra.setdefault(row, np.full((self.phases, 2, EXTRA_ROWS, m), np.nan, np.float32))[phase]
            ring[:, :-1] = ring[:, 1:]
            ring[0, -1], ring[1, -1] = rows.z[place, :m], rows.h[place, :m]
            for name in names:
                scored = registry.get(name)().score(model.known[name], Rows(ring[0], ring[1]))
                which = model.detectors.index(name)
                scores, depths = self.tables[row]
                found = tails.look_up(scores[which], depths[which], scored.score[-1:])[0]
                total[place] += found * model.weights[which]
                number[place] += model.weights[which]
                if name in model.blaming:
                    parts[place, :m] += shares(scored.parts[-1])

    def _persistent(self, places: Any, slot: int, tail: Floats) -> Floats:
        ring, points = self.held["tail"], self.held["points"][places]
        ring[slot % RING][places] = tail
        found = tail.copy()
        for width in np.unique(points[points > 1]).tolist():
            rows = points == width
            last = np.stack([ring[(slot - back) % RING][places][rows] for back in range(width)])
            found[rows] = np.median(last, 0)
        return found


def _places(at: Places) -> Any:
    """A slice where the servers lie side by side: views are cheaper than copies."""
    first = int(at[0]) if len(at) else 0
    return slice(first, first + len(at)) if (at == np.arange(first, first + len(at))).all() else at


def _ring(ring: Floats, places: Any, step: int, value: Floats) -> Floats:
    """Take the newest in and give the sum of all, newest first, as a replay adds."""
    count = len(ring)
    ring[step % count][places] = value
    total: Floats = value
    for back in range(1, count):
        total = total + ring[(step - back) % count][places]
    return total


def _distance(lagged: list[Floats], centre: Floats, places: Any) -> Floats:
    total = np.zeros_like(lagged[0])
    for lag in range(kmeans.LAGS):
        total = total + (lagged[lag] - centre[lag][places]) ** 2
    return total
