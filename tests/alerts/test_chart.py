"""The chart of a mail: small, quick, and honest about what was not measured."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
from PIL import Image

from alerts.messages.chart import BAD, FIRING, LINE, Chart, bounds, draw, pieces

HOUR = np.arange(0.0, 3600.0, 10.0)


def picture(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def share(
    image: Image.Image, colour: tuple[int, int, int], left: float = 0, right: float = 1, near: int = 30
) -> float:
    """How much of a part of the picture is nearly of this colour."""
    pixels = np.asarray(image).astype(int)
    part = pixels[:, int(left * image.width) : int(right * image.width)]
    return float((np.abs(part - np.array(colour)).sum(axis=2) < near).mean())


def noisy(**more: object) -> Chart:
    values = 50 + 30 * np.random.default_rng(1).standard_normal(len(HOUR)).cumsum() / 20
    labels = {"low": "0 %", "high": "100 %", "at_limit": "95 %", "began": "07.11", "ended": "08.11"}
    return Chart(HOUR.tolist(), values.tolist(), 0, 3600, **{"limit": 95.0, **labels, **more})  # type: ignore[arg-type]


def test_it_is_small_and_quick() -> None:
    draw(noisy())
    spent = min(_timed() for _ in range(5))
    assert len(draw(noisy(share=True, since=3000.0))) <= 20_000
    assert spent < 0.1, "about 20 ms where nothing else runs"


def _timed() -> float:
    began = time.thread_time()
    draw(noisy())
    return time.thread_time() - began


def test_the_part_that_fires_is_marked_and_no_other() -> None:
    image = picture(draw(noisy(since=1800.0, until=2700.0)))
    assert share(image, FIRING, 0.62, 0.7) > 0.3
    assert share(image, FIRING, 0.3, 0.5) < 0.01
    assert share(image, FIRING, 0.9, 1.0) < 0.01


def test_a_gap_is_a_gap() -> None:
    values = np.where((HOUR > 1200) & (HOUR < 2400), np.nan, 50.0)
    image = picture(draw(Chart(HOUR.tolist(), values.tolist(), 0, 3600, share=True)))
    assert share(image, LINE, 0.25, 0.35) > 0
    assert share(image, LINE, 0.5, 0.6) == 0


def test_the_limit_is_drawn_even_where_the_line_never_goes() -> None:
    flat = Chart(HOUR.tolist(), [1.0] * len(HOUR), 0, 3600, limit=80.0)
    assert share(picture(draw(flat)), BAD, near=150) > 0.001


@pytest.mark.parametrize("values", [[], [5.0], [float("nan")] * 9])
def test_nothing_is_drawn_of_nothing(values: list[float]) -> None:
    assert draw(Chart(HOUR[: len(values)].tolist(), values, 0, 3600)) == b""


@pytest.mark.parametrize(
    ("values", "limit", "per_cent", "low", "high"),
    [
        ([3.0, 50.0], 95.0, True, 0.0, 100.0),
        ([1.0, 5.0], None, False, 0.0, 5.4),
        ([0.0, 0.0], None, False, -1.0, 1.0),
        ([9.0, 10.0], None, False, 8.8, 10.096),
    ],
)
def test_the_axis_holds_line_and_limit(
    values: list[float], limit: float | None, per_cent: bool, low: float, high: float
) -> None:
    assert bounds(np.array(values), limit, share=per_cent) == pytest.approx((low, high))


def test_extreme_values_do_not_break_it() -> None:
    wild = [1e300, -1e300, float("inf"), 0.0] * 90
    assert draw(Chart(HOUR.tolist(), wild, 0, 3600, limit=1e308))


def test_pieces_are_cut_where_samples_are_missing() -> None:
    times = np.array([0.0, 10, 20, 100, 110])
    assert list(pieces(times)) == [slice(0, 3), slice(3, 5)]
