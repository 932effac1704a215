"""Times that reports are about, and when the next mail is due, by the wall clock of a zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from reports import periods
from reports.periods import NoPeriod

ZONE = ZoneInfo("Europe/Copenhagen")
NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)


def test_months_in_which_the_clock_changes_have_their_own_length() -> None:
    october = periods.last("month", ZONE, NOW)
    assert october.end - october.start == timedelta(days=31, hours=1)
    march = periods.last("month", ZONE, datetime(2026, 4, 5, tzinfo=UTC))
    assert march.end - march.start == timedelta(days=31) - timedelta(hours=1)
    day = periods.custom(date(2026, 10, 25), date(2026, 10, 25), ZONE, NOW)
    assert day.end - day.start == timedelta(hours=25)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("week", "2026-10-26", "2026-11-01"), ("month", "2026-10-01", "2026-10-31"),
        ("quarter", "2026-07-01", "2026-09-30"), ("year", "2025-01-01", "2025-12-31"),
    ],
)  # fmt: skip
def test_named_times_are_the_last_whole_ones(name: str, first: str, last: str) -> None:
    found = periods.last(name, ZONE, NOW)
    assert found.start.astimezone(ZONE).date().isoformat() == first
    assert (found.end.astimezone(ZONE) - timedelta(seconds=1)).date().isoformat() == last


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (None, date(2026, 1, 1), "first and the last day"),
        (date(2026, 2, 1), date(2026, 1, 1), "before the first"),
        (date(2026, 12, 1), date(2026, 12, 9), "not begun"),
        (date(1990, 1, 1), date(1990, 1, 2), "between the years"),
        (date(2023, 1, 1), date(2026, 1, 2), "two years"),
    ],
)
def test_times_that_cannot_be_reported_on_are_refused_with_a_sentence(
    first: date | None, last: date, said: str
) -> None:
    with pytest.raises(NoPeriod, match=said):
        periods.custom(first, last, ZONE, NOW)


def test_what_is_still_to_come_is_left_out() -> None:
    assert periods.custom(date(2026, 11, 1), date(2026, 11, 30), ZONE, NOW).end == NOW


def test_the_days_are_written_as_the_reader_writes_them() -> None:
    found = periods.last("month", ZONE, NOW)
    with translation.override("pt-br"):
        assert "de outubro de" in str(found)
    with translation.override("da"):
        assert "oktober" in str(found)


def test_the_next_mail_is_due_at_the_hour_of_the_wall_clock() -> None:
    week = periods.next_due("week", 7, ZONE, datetime(2026, 10, 22, 12, tzinfo=UTC))
    assert week == datetime(2026, 10, 26, 6, tzinfo=UTC)  # winter time since the day before
    month = periods.next_due("month", 7, ZONE, datetime(2026, 6, 1, 6, tzinfo=UTC))
    assert month == datetime(2026, 7, 1, 5, tzinfo=UTC)
    today = periods.next_due("month", 7, ZONE, datetime(2026, 6, 1, 4, tzinfo=UTC))
    assert today == datetime(2026, 6, 1, 5, tzinfo=UTC)
