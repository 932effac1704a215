"""One thing's past, its forecast and the interval around it, as lines of a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from metrics.store import parse, query, shown
from ml.models import Forecast
from ml.services import outlook

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720.0, 240.0, 56.0, 8.0, 14.0, 22.0
DAY = 86_400.0
BACK, LEAST_AHEAD, MOST_AHEAD = 32 * DAY, 14 * DAY, 120 * DAY
POINTS = 128
TICKS = 5
LEVELS = 4


@dataclass(frozen=True, slots=True)
class Frame:
    """Times and values as places."""

    start: float
    end: float
    top: float

    def x(self, at: float) -> float:
        return round(LEFT + (at - self.start) / (self.end - self.start) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        share = min(max(value / self.top, 0.0), 1.0)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP), 1)

    def points(self, listed: list[tuple[float, float]]) -> str:
        return " ".join(f"{self.x(at)},{self.y(value)}" for at, value in listed)


def chart(row: Forecast, found: outlook.Prospect, limit: float, now: float) -> dict[str, Any]:
    times, values = _past(row, now)
    ahead = min(max(LEAST_AHEAD, 1.2 * (found.high or found.left or 0.0)), MOST_AHEAD)
    start = max(now - BACK, times[0]) if times else now - BACK
    top = 1.08 * max([limit, *values, 1e-9])
    frame = Frame(min(start, now - DAY / 4), now + ahead, top)
    known = [(at, value) for at, value in zip(times, values, strict=True)]
    picture = {
        "past": frame.points(known), "limit": frame.y(limit), "now": frame.x(now), "width": WIDTH, "height": HEIGHT,
        "floor": HEIGHT - BOTTOM, "limit_text": _("limit %(limit)s") % {"limit": shown(row.metric, limit)},
        "ticks": _ticks(frame), "levels": _levels(frame, row.metric), "left": LEFT, "line": "", "cone": "",
    }  # fmt: skip
    if found.left is not None and found.value is not None and found.reason != "met":
        here = (now, found.value)
        picture["line"] = frame.points([here, _until(here, limit, found.left, frame)])
        early = _until(here, limit, found.low or found.left, frame)
        late = _until(here, limit, found.high, frame)
        picture["cone"] = frame.points([here, early, (frame.end, limit), late] if late[0] < frame.end else
                                       [here, early, (frame.end, min(limit, early[1])), late])  # fmt: skip
    return picture


def _until(here: tuple[float, float], limit: float, left: float | None, frame: Frame) -> tuple[float, float]:
    """Where a straight line meets the limit, or the edge of the picture."""
    now, value = here
    if left is None or math.isinf(left):
        return frame.end, value
    if now + left <= frame.end:
        return now + left, limit
    return frame.end, value + (limit - value) * (frame.end - now) / left


def _past(row: Forecast, now: float) -> tuple[list[float], list[float]]:
    asked = query.Range(int((now - BACK) * 1000), int(now * 1000), POINTS)
    found = query.series(row.server_id, [row.metric], asked)
    wanted = dict(parse(f"x{row.labels}")[1])
    column: list[float] = next((one["v"] for one in found["series"] if one["labels"] == wanted), [])
    pairs = [(at, value) for at, value in zip(found["t"], column, strict=False) if value == value]  # noqa: PLR0124 - NaN
    return [at for at, _value in pairs], [value for _at, value in pairs]


def _ticks(frame: Frame) -> list[dict[str, Any]]:
    step = max(DAY, math.ceil((frame.end - frame.start) / TICKS / DAY) * DAY)
    first = math.ceil(frame.start / DAY) * DAY
    found = []
    while first < frame.end:
        x = frame.x(first)
        if LEFT + 16 < x < WIDTH - 30:
            found.append({"x": x, "text": date_format(localtime(_moment(first)), "MONTH_DAY_FORMAT")})
        first += step
    return found


def _levels(frame: Frame, metric: str) -> list[dict[str, Any]]:
    """Round values at the side, few enough to be read."""
    rough = frame.top / LEVELS
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(each for each in (1.0, 2.0, 2.5, 5.0, 10.0) if each * power >= rough)
    return [
        {"y": frame.y(count * step), "text": shown(metric, count * step) if count else "0"}
        for count in range(int(frame.top / step) + 1)
    ]


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
