"""Quiet hours: a warning waits for their end, and is never lost."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from alerts.quiet import Hours, earliest, never_ends

NIGHT = Hours(time(22), time(7), zone="Europe/Copenhagen")


def local(text: str, zone: str = "Europe/Copenhagen") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2026-11-03T21:59:59", "2026-11-03T21:59:59"),
        ("2026-11-03T22:00", "2026-11-04T07:00"),
        ("2026-11-04T03:00", "2026-11-04T07:00"),
        ("2026-11-04T07:00", "2026-11-04T07:00"),
        ("2026-03-28T23:00", "2026-03-29T07:00"),  # the clock goes forward in this night
        ("2026-10-24T23:00", "2026-10-25T07:00"),  # and back in this one
    ],
)
def test_a_warning_waits_for_the_end_of_the_night(at: str, told: str) -> None:
    assert earliest(NIGHT, local(at), "warn") == local(told)


def test_the_worst_breaks_quiet_hours_unless_it_may_not() -> None:
    night, morning = local("2026-11-04T03:00"), local("2026-11-04T07:00")
    assert earliest(NIGHT, night, "critical") == night
    strict = Hours(time(22), time(7), zone="Europe/Copenhagen", critical_breaks=False)
    assert earliest(strict, night, "critical") == morning


def test_quiet_days_that_follow_each_other_are_one_rest() -> None:
    weekend = Hours(time(0), time(0), frozenset({5, 6}), "America/Sao_Paulo")
    saturday = local("2018-11-03T12:00", "America/Sao_Paulo")  # the clock skips the first hour of this Sunday
    assert earliest(weekend, saturday, "warn") == local("2018-11-05T00:00", "America/Sao_Paulo")


def test_quiet_that_never_ends_holds_nothing_back() -> None:
    always = Hours(time(9), time(9))
    at = local("2026-11-04T03:00")
    assert never_ends(always)
    assert earliest(always, at, "warn") == at
    assert not never_ends(NIGHT)
    assert not never_ends(Hours())
