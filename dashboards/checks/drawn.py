"""What a check found as shapes: bars of up time, a line of responses, layers of their parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from checks.services import History, uptime

WIDTH, HEIGHT = 720, 160
LINE_WIDTH, LINE_HEIGHT = 120, 26
PARTS = ("name", "connect", "tls", "first_byte", "body")
ROUND = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


@dataclass(frozen=True, slots=True)
class Bar:
    """One piece of time: where it stands, how it was, and from when to when."""

    x: float
    tone: str
    start: float
    end: float
    percent: float | None


def bars(found: History, width: float = 100.0) -> list[Bar]:
    count = len(found.pieces)
    step = (found.end - found.start) / 1000 / count
    return [
        Bar(
            round(place * width / count, 2), _tone(one), found.start / 1000 + place * step,
            found.start / 1000 + (place + 1) * step, one.percent,
        )
        for place, one in enumerate(found.pieces)
    ]  # fmt: skip


def strips(found: History, width: float) -> list[tuple[str, str]]:
    """The same as one path a tone: a list of many draws thousands of bars."""
    paths: dict[str, str] = {}
    wide = 0.8 * width / len(found.pieces)
    for bar in bars(found, width):
        paths[bar.tone] = f"{paths.get(bar.tone, '')}M{bar.x:g} 0h{wide:g}v20h-{wide:g}z"
    return list(paths.items())


def _tone(one: uptime.Share) -> str:
    if one.percent is None:
        return "off"
    if one.down == 0:
        return "ok"
    return "crit" if one.percent < 90 else "warn"


@dataclass(frozen=True, slots=True)
class Layer:
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Layers from below, a line above them, and the seconds of its marks."""

    layers: list[Layer]
    line: str
    marks: list[tuple[float, float]]
    top: float


def chart(found: History) -> Chart | None:
    """Parts on each other, the whole as a line; nothing where nothing was measured."""
    points = [one for one in found.points if "check_response_seconds" in one]
    if not points:
        return None
    top = _top(max(one["check_response_seconds"] for one in points))
    span = (found.start / 1000, found.end / 1000)
    floor = [0.0] * len(points)
    layers = []
    for name in PARTS:
        if any(name in one for one in points):
            roof = [low + one.get(name, 0.0) for low, one in zip(floor, points, strict=True)]
            layers.append(Layer(name, _area(points, floor, roof, (span, top))))
            floor = roof
    whole = [one["check_response_seconds"] for one in points]
    marks = [(round(HEIGHT * (1 - share), 1), top * share) for share in (0.5, 1.0)]
    return Chart(layers, _line(points, whole, (span, top), _wide(found)), marks, top)


def spark(found: History) -> str:
    points = [one for one in found.points if "check_response_seconds" in one]
    if len(points) < 2:
        return ""
    top = max(one["check_response_seconds"] for one in points) or 1.0
    width = found.end / 1000 - found.start / 1000
    text = ""
    for one in points:
        x = LINE_WIDTH * (one["t"] - found.start / 1000) / width
        y = 1 + (LINE_HEIGHT - 2) * (1 - one["check_response_seconds"] / top)
        text += f"{'L' if text else 'M'}{x:.1f} {y:.1f}"
    return text


def _wide(found: History) -> float:
    """Seconds without a point that are a gap in the line; jobs run now and then only."""
    if not any("first_byte" in one or "connect" in one for one in found.points) and len(found.points) < 120:
        return float("inf")
    return 6 * (found.end - found.start) / 1000 / 240


def _top(most: float) -> float:
    return float(next((one for one in ROUND if one >= most), most))


def _place(t: float, value: float, scale: tuple[tuple[float, float], float]) -> tuple[float, float]:
    (start, end), top = scale
    return WIDTH * (t - start) / (end - start), HEIGHT * (1 - min(1.0, value / top))


def _line(points: Sequence[dict[str, Any]], values: list[float], scale: Any, gap: float) -> str:
    text, before = "", None
    for one, value in zip(points, values, strict=True):
        x, y = _place(one["t"], value, scale)
        begun = before is not None and one["t"] - before <= gap
        text += f"{'L' if begun else 'M'}{x:.1f} {y:.1f}{'' if begun else 'h0'}"  # one alone is a dot
        before = one["t"]
    return text


def _area(points: Sequence[dict[str, Any]], floor: list[float], roof: list[float], scale: Any) -> str:
    there = [_place(one["t"], value, scale) for one, value in zip(points, roof, strict=True)]
    back = [_place(one["t"], value, scale) for one, value in zip(points, floor, strict=True)]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in [*there, *reversed(back)]) + "Z"
