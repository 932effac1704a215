"""What must stand before the first periodic job runs."""

from __future__ import annotations

from collections.abc import Callable

from alerts import judging
from metrics import sealing
from metrics.models import JournalRow
from monitor import schedule
from tests.conftest import Machine
from tests.metrics.storing import NOON, Told, later


def test_nothing_is_sealed_before_the_rules_have_read_it_even_if_they_start_last(
    machine: Callable[..., Machine],
) -> None:
    schedule.install()
    told = Told()
    told.say(machine().server.pk, ["load1"], [(NOON, [1])])
    assert not sealing.step(later(1)), "rows that no rule has judged would be gone"
    assert schedule.CONSUMERS == (judging.NAME,)
    assert JournalRow.objects.count() == 1
