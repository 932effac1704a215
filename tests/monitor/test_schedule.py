"""What must stand before the first periodic job runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from alerts import judging
from core.models import Cursor
from metrics import behind, sealing
from metrics.models import JournalRow
from ml.scores import consumer
from monitor import schedule
from tests.conftest import Machine
from tests.metrics.storing import NOON, Told, later


@pytest.mark.parametrize("last", [judging.NAME, consumer.NAME])
def test_nothing_is_sealed_before_rules_and_scores_have_read_it_even_if_they_start_last(
    machine: Callable[..., Machine], last: str
) -> None:
    schedule.install()
    told = Told()
    told.say(machine().server.pk, ["load1"], [(NOON, [1])])
    row = JournalRow.objects.get().pk
    assert set(schedule.CONSUMERS) == {judging.NAME, consumer.NAME}
    for name in set(schedule.CONSUMERS) - {last}:
        assert Cursor.objects.advance(name, 0, row)
    assert not sealing.step(later(1)), f"a row that {last} has not read would be gone"
    assert JournalRow.objects.filter(pk=row).exists()
    assert Cursor.objects.advance(last, 0, row)
    told.seal(later(1))
    assert Cursor.objects.place(behind.SEALED) >= row
