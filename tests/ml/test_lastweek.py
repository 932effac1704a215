"""What settings of the slider would have meant: of a thousand servers at once what each by itself would say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from core.clock import milliseconds
from ml import hours, lastweek
from ml.budget import DAYS, threshold, thresholds
from ml.models import Watch
from tests.conftest import Machine
from tests.ml.living import know


@pytest.mark.parametrize("per_week", [0.25, 7.0, 28.0, 168.0])
def test_thresholds_of_many_are_those_of_each(per_week: float) -> None:
    dice = np.random.default_rng(3)
    table = dice.gamma(2, 1, (40, 24 * DAYS))
    table[dice.random(table.shape) < dice.random((40, 1))] = np.nan
    table[0], table[1, 20:] = np.nan, np.nan
    found = thresholds(np.sort(table, axis=1), per_week)
    assert np.allclose(found, [threshold(row, per_week) for row in table])


def test_hours_side_by_side_are_one_alarm_and_older_ones_are_none(
    machine: Callable[..., Machine],
) -> None:
    server = machine().server
    know(server.pk)
    now = milliseconds() // hours.HOUR
    loud = {now - 200: 5.0, now - 100: 5.0, now - 99: 5.0, now - 50: 4.0, now: 6.0}
    Watch.objects.update(maxima=hours.pack({now - back: 0.5 for back in range(1, 300)} | loud))
    (rare, often), known = lastweek.would_have([server.pk], (0.25, 168.0))
    assert known == 1
    assert (often.alarms, often.servers) == (3, 1)
    assert rare.alarms < 3
    assert lastweek.would_have([], (7.0,)) == ([lastweek.Meant(7.0, 0, 0)], 0)
