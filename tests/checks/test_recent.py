"""The last day of a check as the list keeps it: read on, it says what reading all of it says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from checks import history, series
from checks.models import Check
from core.clock import milliseconds
from metrics.base import Line
from metrics.services import Found, put_all

pytestmark = pytest.mark.django_db(transaction=True)

HOUR, STEP = 3_600_000, 30_000


def told(row: Check, begin: int, end: int) -> None:
    """Up, but for every seventh minute and an hour of which nothing is known."""
    times = [at for at in range(begin, end, STEP) if at // HOUR % 5]
    samples = [series.Sample(row, at, float(at // 60_000 % 7 > 0), 0.01 + at % HOUR / HOUR) for at in times]
    found = Found(row.server_id, series.columns(row), times, [series.values(one) for one in samples])
    put_all([found], wait=20)


def same(one: history.Recent, other: history.Recent) -> None:
    for mine, theirs in (
        (one.known.begins, other.known.begins), (one.known.ends, other.known.ends), (one.known.up, other.known.up),
        (one.t, other.t), (one.seconds, other.seconds),
    ):  # fmt: skip
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("later", [10_000, 301_000, 3 * HOUR, 30 * HOUR])
def test_reading_on_says_what_reading_all_of_it_says(
    loopback: None, check: Callable[..., Check], monkeypatch: pytest.MonkeyPatch, later: int
) -> None:
    row = check("tcp", target="127.0.0.1:80", interval=30)
    end = milliseconds()
    told(row, end - 30 * HOUR, end)
    asked, real = list[int](), history._lines

    def watched(row: Check, start: int, end: int, tier: int, metrics: tuple[str, ...] = ()) -> dict[str, Line]:
        asked.append(end - start)
        return real(row, start, end, tier, metrics)

    monkeypatch.setattr(history, "_lines", watched)
    before = history.recent(row, end - later)
    whole, read_on = history.recent(row, end), history.recent(row, end, before)
    same(read_on, whole)
    assert asked[2] <= min(later + 600_000, asked[1]), "only what came since is read"
    exact = history.history(row, end - 24 * HOUR, end, bars=40)
    found = read_on.history(end - 24 * HOUR, end, 40)
    assert (found.share, found.pieces) == (exact.share, exact.pieces)
    same(history.recent(row, end - later, whole), before)
