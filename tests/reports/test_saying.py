"""Values as people read them in each language."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation

from reports import saying
from reports.document import Kind


@pytest.mark.parametrize(
    ("value", "kind", "en", "other"),
    [
        (52.38, "percent", "52.4 %", "52,4 %"),
        (99.97, "percent", "100 %", "100 %"),
        (99.9996, "fine", "99.999 %", "99,999 %"),
        (100.0, "fine", "100 %", "100 %"),
        (99.6284, "fine", "99.628 %", "99,628 %"),
        (12_345.0, "count", "12,345", "12.345"),
        (2.996, "number", "3.00", "3,00"),
        (755, "duration", "12 min", "12 min"),
        (-90, "duration", "\u22121 min 30 s", "\u22121 min 30 s"),
        (16_600_000_000, "bytes", "16.6 GB", "16,6 GB"),
        (None, "percent", "\u2013", "\u2013"),
    ],
)
def test_values_are_rounded_and_written_as_the_reader_does(value: Any, kind: Kind, en: str, other: str) -> None:
    with translation.override("en"):
        assert saying.shown(value, kind) == en
    for language in ("pt-br", "da"):
        with translation.override(language):
            assert saying.shown(value, kind) == other


def test_hours_are_called_as_on_the_other_pages() -> None:
    for language, said in (("en", "1 h 2 min"), ("pt-br", "1 h 2 min"), ("da", "1 t 2 min")):
        with translation.override(language):
            assert saying.shown(3_725, "duration") == said


def test_a_percentage_has_as_many_places_as_its_time_can_bear() -> None:
    minute, day = 60_000, 86_400_000
    times = (10 * minute, 6 * 60 * minute, day, 10 * day, 12 * day)
    assert [saying.borne(time) for time in times] == [0, 1, 1, 2, 3]
    assert saying.borne(24 * 7 * day) == 3
    assert [saying.fine(99.9996, places) for places in (0, 1, 2)] == ["99 %", "99.9 %", "99.99 %"]
    assert saying.fine(91.279, 0) == "91 %"


def test_a_promise_is_said_as_it_was_written() -> None:
    assert [saying.promise(value) for value in (99.9, 99.95, 100.0, 99)] == ["99.9 %", "99.95 %", "100 %", "99 %"]
