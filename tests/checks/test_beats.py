"""Heartbeats by real cron lines in zones with clock changes: when they are expected, late, missed, and excused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import translation

from checks.beats import Beat, Config, check, deadline, excuse, expected, judge, signal
from checks.told import told

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "after", "then"),
    [
        ("30 3 * * *", "2026-06-01 12:00", "2026-06-02 01:30"),  # summer time
        ("30 3 * * *", "2026-12-01 12:00", "2026-12-02 02:30"),  # winter time
        ("30 2 * * *", "2026-03-28 12:00", "2026-03-29 01:00"),  # 02:30 is left out that night: right after
        ("30 2 * * *", "2026-10-24 12:00", "2026-10-25 00:30"),  # 02:30 comes twice: the first of them
        ("30 2 * * *", "2026-10-25 00:31", "2026-10-26 01:30"),  # and not the second
        ("0 */6 * * 1-5", "2026-11-20 22:00", "2026-11-20 23:00"),  # Saturday's 0 o'clock is not meant: see below
    ],
)
def test_a_cron_line_goes_by_the_wall_clock_of_its_zone(cron: str, after: str, then: str) -> None:
    config = Config(cron=cron, zone="Europe/Copenhagen")
    found = expected(config, at(after))
    if cron.endswith("1-5"):
        assert found == at("2026-11-22 23:00")  # Monday 0 o'clock there
    else:
        assert found == at(then)


def beaten(**config: Any) -> tuple[Beat, Config]:
    made = Config(**{"period": 3600, "grace": 600, **config})
    check(made)
    return signal(Beat(), made, "success", None, START), made


def test_up_late_down_and_up_again() -> None:
    beat, config = beaten()
    assert (beat.state, deadline(beat, config)) == ("up", START + timedelta(seconds=4200))
    assert judge(beat, config, START + timedelta(seconds=3599)) == beat
    late = judge(beat, config, START + timedelta(seconds=3601))
    assert (late.state, late.said) == ("late", "Its signal is late.")
    down = judge(late, config, START + timedelta(seconds=4200))
    said = "Its signal was due at 2026-11-21 13:00 UTC and did not come. The last one came at 2026-11-21 12:00 UTC."
    assert (down.state, down.said) == ("down", said)
    assert judge(down, config, START + timedelta(days=9)) == down
    again = signal(down, config, "success", None, START + timedelta(days=10))
    assert (again.state, again.expected_at) == ("up", START + timedelta(days=10, seconds=3600))


def test_one_that_is_never_heard_is_down_after_its_first_period_and_grace() -> None:
    config = Config(period=3600, grace=600)
    waited = judge(Beat(), config, START)
    assert (waited.state, waited.expected_at) == ("new", START + timedelta(seconds=3600))
    assert judge(waited, config, START + timedelta(seconds=4199)).state == "new"
    down = judge(waited, config, START + timedelta(seconds=4200))
    assert (down.state, down.said) == ("down", "Its signal was due at 2026-11-21 13:00 UTC and did not come.")
    assert signal(down, config, "success", None, START + timedelta(seconds=5000)).state == "up"


def test_a_start_measures_and_a_job_that_runs_too_long_is_down() -> None:
    beat, config = beaten(longest=900)
    begun = signal(beat, config, "start", None, START + timedelta(seconds=3500))
    assert deadline(begun, config) == START + timedelta(seconds=4400)
    ended = signal(begun, config, "exit", 0, START + timedelta(seconds=4300))
    assert (ended.state, ended.seconds, ended.started_at) == ("up", 800.0, None)
    over = judge(begun, config, START + timedelta(seconds=4400))
    assert (over.state, over.said) == ("down", "It runs longer than it may.")
    assert signal(over, config, "success", None, START + timedelta(seconds=5000)).state == "up"


@pytest.mark.parametrize(("kind", "code"), [("fail", None), ("exit", 3)])
def test_a_failure_is_down_at_once_and_a_log_line_changes_nothing(kind: str, code: int | None) -> None:
    beat, config = beaten()
    assert signal(beat, config, "log", None, START) is beat
    failed = signal(beat, config, kind, code, START + timedelta(seconds=5))
    assert failed.state == "down"
    assert failed.said == ("It told that it failed with exit code 3." if code else "It told that it failed.")


def test_what_was_due_while_we_were_away_is_waited_for_once_more() -> None:
    beat, config = beaten()
    away, back = START + timedelta(seconds=3000), START + timedelta(seconds=9000)
    spared = excuse(beat, config, away, back)
    assert judge(spared, config, back).state == "late"
    assert judge(spared, config, back + timedelta(seconds=601)).state == "down"
    assert excuse(beat, config, away, START + timedelta(seconds=3500)) == beat  # it was not due yet
    missed_before = excuse(beat, config, START + timedelta(seconds=5000), back)
    assert judge(missed_before, config, back).state == "down"


def test_a_missed_signal_says_when_it_was_due_by_its_own_clock() -> None:
    beat, config = beaten(cron="30 3 * * *", zone="Europe/Copenhagen")
    down = judge(beat, config, START + timedelta(days=1))
    assert down.said == (
        "Its signal was due at 2026-11-22 03:30 CET and did not come. The last one came at 2026-11-21 13:00 CET."
    )
    with translation.override("da"):
        assert told(down.said).startswith("Dets signal skulle være kommet 2026-11-22 03:30 CET og kom ikke.")
