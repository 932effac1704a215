"""The hour before a message as a small PNG: the line, its limit, the part that fires, and gaps where nothing came."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import ImageDraw

WIDTH, HEIGHT = 640, 264  # shown at half of that on a telephone: so the letters are large
TWICE = 2  # drawn larger and made smaller, for smooth lines
LEFT, RIGHT, TOP, BOTTOM = 108, 16, 18, 48
LETTERS = 24
COLOURS = 24
GAP = 3  # usual distances without a sample
WHITE, GRID, INK = (255, 255, 255), (226, 230, 236), (85, 94, 108)
LINE, BAD, FIRING = (46, 94, 190), (200, 38, 48), (253, 232, 232)

Floats = NDArray[np.float64]
Point = tuple[float, float]


@dataclass(frozen=True)
class Chart:
    """What is drawn: times in seconds; labels come written, in the reader's language and zone."""

    times: Sequence[float]
    values: Sequence[float]
    start: float
    end: float
    limit: float | None = None
    since: float | None = None
    until: float | None = None
    share: bool = False
    """Whether the values are per cent of something: then the axis ends at 100."""
    low: str = ""
    high: str = ""
    at_limit: str = ""
    began: str = ""
    ended: str = ""


def bounds(values: Floats, limit: float | None, *, share: bool) -> tuple[float, float]:
    """From nought where that is near, with room above; per cent up to 100."""
    shown = values if limit is None else np.append(values, limit)
    low, high = float(shown.min()), float(shown.max())
    if share and low >= 0 and high <= 100:
        return 0.0, 100.0
    if low > 0 and low > 0.6 * high:
        low -= 0.2 * (high - low)
    else:
        low = min(low, 0.0)
    high += 0.08 * (high - low)
    return (low, high) if high > low else (low - 1, high + 1)


def draw(chart: Chart) -> bytes:
    """Nothing where there is nothing to draw."""
    times, values = np.asarray(chart.times, float), np.asarray(chart.values, float)
    known = np.isfinite(values) & (times >= chart.start) & (times <= chart.end)
    times, values = times[known], values[known]
    if len(times) < 2:
        return b""
    return _Picture(chart, times, values).png()


def pieces(times: Floats) -> Iterator[slice]:
    """The parts between gaps: a line over a time in which nothing came would tell what nobody knows."""
    steps = np.diff(times)
    cuts = np.flatnonzero(steps > GAP * float(np.median(steps))) + 1
    for begin, end in zip([0, *cuts], [*cuts, len(times)], strict=True):
        yield slice(begin, end)


class _Picture:
    def __init__(self, chart: Chart, times: Floats, values: Floats) -> None:
        from PIL import Image, ImageDraw  # noqa: PLC0415 - only mails have a picture

        self.chart, self.times, self.values = chart, times, values
        self.low, self.high = bounds(values, chart.limit, share=chart.share)
        self.image = Image.new("RGB", (WIDTH * TWICE, HEIGHT * TWICE), WHITE)
        self.pen: ImageDraw.ImageDraw = ImageDraw.Draw(self.image)

    def png(self) -> bytes:
        self._firing()
        self._frame()
        for piece in pieces(self.times):
            self._line(piece)
        self._limit()
        small = self.image.resize((WIDTH, HEIGHT), 2)  # bilinear
        self._letters(small)
        file = io.BytesIO()
        small.quantize(COLOURS).save(file, "PNG", optimize=True)
        return file.getvalue()

    def _x(self, at: float) -> float:
        share = (at - self.chart.start) / (self.chart.end - self.chart.start)
        return TWICE * (LEFT + min(1.0, max(0.0, share)) * (WIDTH - LEFT - RIGHT))

    def _y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return TWICE * (HEIGHT - BOTTOM - min(1.0, max(0.0, share)) * (HEIGHT - TOP - BOTTOM))

    def _firing(self) -> None:
        since, until = self.chart.since, self.chart.until
        if since is not None and since < self.chart.end:
            left, right = self._x(since), self._x(self.chart.end if until is None else until)
            self.pen.rectangle((left, TOP * TWICE, max(right, left + 4), (HEIGHT - BOTTOM) * TWICE), fill=FIRING)

    def _frame(self) -> None:
        left, right = LEFT * TWICE, (WIDTH - RIGHT) * TWICE
        for value in (self.low, (self.low + self.high) / 2, self.high):
            self.pen.line((left, self._y(value), right, self._y(value)), fill=GRID, width=TWICE)

    def _line(self, piece: slice) -> None:
        points = [
            (self._x(at), self._y(value)) for at, value in zip(self.times[piece], self.values[piece], strict=True)
        ]
        if len(points) == 1:
            (x, y), size = points[0], 2 * TWICE
            self.pen.ellipse((x - size, y - size, x + size, y + size), fill=LINE)
            return
        self.pen.line(points, fill=LINE, width=5, joint="curve")
        since, until = self.chart.since, self.chart.until
        if since is not None:
            begin, end = self._x(since), self._x(self.chart.end if until is None else until)
            red = [point for point in points if begin <= point[0] <= end]
            if len(red) > 1:
                self.pen.line(red, fill=BAD, width=5, joint="curve")

    def _limit(self) -> None:
        if self.chart.limit is None:
            return
        y = self._y(self.chart.limit)
        for x in range(LEFT * TWICE, (WIDTH - RIGHT) * TWICE, 28):
            self.pen.line((x, y, x + 14, y), fill=BAD, width=4)

    def _letters(self, small: Any) -> None:
        from PIL import ImageDraw, ImageFont  # noqa: PLC0415 - drawing is slow to load

        pen, font = ImageDraw.Draw(small), ImageFont.load_default(LETTERS)
        foot = HEIGHT - BOTTOM + 10
        pen.text((LEFT, foot), self.chart.began, INK, font)
        pen.text((WIDTH - RIGHT, foot), self.chart.ended, INK, font, anchor="ra")
        limit = None if self.chart.limit is None else self._y(self.chart.limit) / TWICE
        for text, value in ((self.chart.low, self.low), (self.chart.high, self.high)):
            y = self._y(value) / TWICE
            if limit is None or abs(limit - y) > LETTERS:
                pen.text((LEFT - 8, y), text, INK, font, anchor="rm")
        if limit is not None:
            pen.text((LEFT - 8, limit), self.chart.at_limit, BAD, font, anchor="rm")
