"""Silences: when they mute by the wall clock, what they hold back, and what is said at their end."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from accounts.models import Team, User
from alerts.models import Delivery, Incident, Notice, Silence
from alerts.services import silences
from alerts.silences import Times, Unreadable, check
from core.clock import now
from servers.models import Server
from tests.alerts.stage import START, Stage
from tests.product import slow

COPENHAGEN, SAO_PAULO = "Europe/Copenhagen", "America/Sao_Paulo"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def daily(at: str, zone: str, minutes: int = 60) -> Times:
    hour, minute = at.split(":")
    rule = f"FREQ=DAILY;BYHOUR={int(hour)};BYMINUTE={int(minute)};BYSECOND=0".removesuffix(";BYSECOND=0")
    return Times(utc("2015-01-01 00:00"), None, rule, minutes * 60, zone)


@pytest.mark.parametrize(
    ("at", "zone", "day", "starts"),
    [
        ("02:30", COPENHAGEN, "2026-03-28", ["01:30"]),
        ("02:30", COPENHAGEN, "2026-03-29", ["01:30"]),  # does not exist: 03:30 summer time
        ("02:30", COPENHAGEN, "2026-03-30", ["00:30"]),
        ("02:30", COPENHAGEN, "2026-10-25", ["00:30"]),  # exists twice: the first one
        ("02:30", COPENHAGEN, "2026-10-26", ["01:30"]),
        ("23:30", SAO_PAULO, "2018-02-18", ["01:30"]),  # 2018-02-17 local, exists twice: the first one
        ("00:30", SAO_PAULO, "2018-11-04", ["03:30"]),  # does not exist: 01:30 summer time
        ("00:30", SAO_PAULO, "2018-11-05", ["02:30"]),
    ],
)
def test_a_daily_window_on_days_of_change(at: str, zone: str, day: str, starts: list[str]) -> None:
    begin = utc(f"{day} 00:00")
    found = [start for start, _ in daily(at, zone).windows(begin, begin + timedelta(days=1)) if start >= begin]
    assert [f"{start:%H:%M}" for start in found if start < begin + timedelta(days=1)] == starts


def test_sao_paulo_has_no_change_in_2027() -> None:
    found = daily("00:30", SAO_PAULO).windows(utc("2027-01-01 03:00"), utc("2027-12-31 12:00"))
    assert {f"{start:%H:%M}" for start, _ in found} == {"03:30"}
    assert len(found) == 365


def test_each_day_of_five_years_has_one_window() -> None:
    for zone in (COPENHAGEN, SAO_PAULO, "Australia/Lord_Howe", "America/St_Johns"):
        for at in ("00:00", "00:30", "01:45", "02:30", "23:30"):
            found = daily(at, zone).windows(utc("2016-01-01 12:00"), utc("2021-01-01 11:00"))
            assert len({start for start, _ in found}) in {1826, 1827}
            gaps = {b[0] - a[0] for a, b in pairwise(found)}
            assert all(timedelta(hours=22.9) <= gap <= timedelta(hours=25.1) for gap in gaps)


def test_the_start_is_inside_and_the_end_is_not() -> None:
    once = Times(utc("2026-01-01 10:00"), utc("2026-01-01 11:00"))
    again = daily("10:00", "UTC")
    for times in (once, again):
        assert times.at(utc("2026-01-01 09:59:59")) is None
        assert times.at(utc("2026-01-01 10:00")) is not None
        assert times.at(utc("2026-01-01 10:59:59")) is not None
        assert times.at(utc("2026-01-01 11:00")) is None


def test_the_end_of_all_of_it_cuts_the_last_window() -> None:
    times = Times(utc("2026-01-01 10:00"), utc("2026-01-02 10:30"), "FREQ=DAILY", 3600)
    assert times.next(utc("2026-01-01 00:00"), 9) == [
        (utc("2026-01-01 10:00"), utc("2026-01-01 11:00")),
        (utc("2026-01-02 10:00"), utc("2026-01-02 10:30")),
    ]


def test_the_last_sunday_of_the_month() -> None:
    times = Times(utc("2026-01-01 03:00"), None, "FREQ=MONTHLY;BYDAY=-1SU", 7200)
    assert [start.day for start, _ in times.next(utc("2026-01-01 00:00"), 4)] == [25, 22, 29, 26]


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("FREQ=SECONDLY", "FREQ must be one of"),
        ("FREQ=MINUTELY;INTERVAL=5", "FREQ must be one of"),
        ("FREQ=HOURLY", "FREQ must be one of"),
        ("INTERVAL=2", "FREQ must be one of"),
        ("FREQ=DAILY;COUNT=999999999", "COUNT is a number"),
        ("FREQ=DAILY;COUNT=0", "COUNT is a number"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL is a number"),
        ("FREQ=DAILY;UNTIL=20990231T000000Z", "cannot be read"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "no such day"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "no such day"),
        ("FREQ=DAILY;BYYEARDAY=400", "does not go with"),
        ("FREQ=DAILY;UNTIL=20200101", "no time after its start"),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=MO", "no time after its start"),
        ("FREQ=YEARLY;BYDAY=100MO", "names a day"),
        ("FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=0,30", "more than 24 times a day"),
        ("FREQ=DAILY;BYEASTER=1", "is not understood"),
        ("FREQ=DAILY;FREQ=WEEKLY", "is not understood"),
        ("FREQ=DAILY\nFREQ=SECONDLY", "one line"),
        ("DTSTART:20200101T000000;FREQ=DAILY", "is not understood"),
        ("FREQ=WEEKLY;BYDAY=XX", "cannot be read"),
        ("FREQ=MONTHLY;BYMONTHDAY=x", "no number"),
        ("A" * 501, "one line"),
    ],
)
def test_hostile_rules_are_refused_soon(rule: str, says: str) -> None:
    began = time.thread_time()
    with pytest.raises(Unreadable, match=f"(?i){says}"):
        check(Times(utc("2026-01-01 03:10"), None, rule, 3600))
    assert time.thread_time() - began < 1.5 * slow()


def test_times_that_make_no_sense_are_refused() -> None:
    at = utc("2026-01-01 10:00")
    for times, says, about in (
        (Times(at, None), "needs an end", "ends_at"),
        (Times(at, at), "end after its start", "ends_at"),
        (Times(at, None, "FREQ=DAILY", 0), "give the duration", "duration"),
        (Times(at, None, "FREQ=DAILY", 40 * 86400), "give the duration", "duration"),
        (Times(at, at + timedelta(1), zone="Mars/Phobos"), "no time zone", "zone"),
        (Times(at, at + timedelta(1), zone="../../etc/passwd"), "no time zone", "zone"),
    ):
        with pytest.raises(Unreadable, match=says) as fault:
            check(times)
        assert fault.value.about == about
    with (
        translation.override("da"),
        pytest.raises(Unreadable, match="En alarmpause skal slutte efter sin begyndelse"),
    ):
        check(Times(at, at))


@pytest.fixture
def stage(team: Team) -> Stage:
    made = Stage(team)
    made.hook()
    return made


@pytest.fixture
def silence(stage: Stage, person: Callable[..., User]) -> Callable[..., Silence]:
    def make(start: float, end: float, **fields: Any) -> Silence:
        at = {"starts_at": START + timedelta(seconds=start), "ends_at": START + timedelta(seconds=end)}
        row = Silence(team=stage.team, reason="moving house", **{**at, **fields})
        return silences.save(row, stage.now, by=person())

    return make


def test_state_flows_on_while_nobody_is_told_and_the_end_of_it_tells_what_is_still_bad(
    stage: Stage, silence: Callable[..., Silence]
) -> None:
    rule = stage.rule()
    silence(-10, 3600)
    stage.fire(rule, "web-1", "web-2")
    stage.at(1800).end(rule, "web-1")
    stage.at(2200)
    assert stage.sent() == []
    assert Incident.objects.open().count() == 1
    assert stage.held() == ["Not told: silenced: moving house."] * 3
    Notice.objects.filter(kind="reminder").delete()
    stage.at(3601)
    told = [one for one in stage.sent() if one[1] == "firing"]
    assert told == [(3600, "firing", "web-2: CPU used is 99 %, above 95 %.")]
    stage.at(3700).end(rule, "web-2")
    assert [kind for _, kind in stage.at(4000).kinds() if kind != "reminder"] == ["firing", "resolved"]


def test_whoever_was_told_before_a_silence_hears_the_end_in_it(stage: Stage, silence: Callable[..., Silence]) -> None:
    rule = stage.rule()
    stage.fire(rule, "web-1")
    stage.at(100)
    silence(50, 5000)
    stage.at(200).end(rule, "web-1")
    assert [kind for _, kind in stage.at(400).kinds()] == ["firing", "resolved"]


def test_an_end_that_came_while_another_wrote_a_new_reason_stays(
    stage: Stage, silence: Callable[..., Silence], person: Callable[..., User]
) -> None:
    read = silence(0, 5000)
    silences.end(Silence.objects.get(), stage.now, by=person())
    read.reason = "moving house, second day"
    silences.save(read, stage.now, by=person())
    kept = Silence.objects.get()
    assert (kept.ended_at, kept.reason) == (stage.now, "moving house, second day")


def test_repeats_are_silent_too(stage: Stage, silence: Callable[..., Silence]) -> None:
    rule = stage.rule(repeat_intervals=[600])
    stage.fire(rule, "web-1")
    stage.at(100)
    silence(100, 5000, selector="name:web-1", rule=rule)
    calls = [(at, kind) for at, kind in stage.at(5500).kinds() if kind != "reminder"]
    assert calls == [(0, "firing"), (5040, "repeat")]


def test_a_silence_that_is_ended_early_frees_what_it_held(
    stage: Stage, silence: Callable[..., Silence], person: Callable[..., User]
) -> None:
    made = silence(0, 5000)
    stage.fire(stage.rule(), "web-1")
    stage.at(300)
    silences.end(made, stage.now, by=person())
    assert stage.at(301).kinds() == [(300, "firing")]


def test_a_silence_holds_what_it_names_and_nothing_else(stage: Stage, silence: Callable[..., Silence]) -> None:
    rule = stage.rule()
    silence(0, 5000, selector="name:db-*")
    stage.fire(rule, "web-1", "db-1")
    assert [text for *_, text in stage.at(60).sent()] == ["web-1: CPU used is 99 %, above 95 %."]


def test_its_owner_hears_ten_minutes_before_the_end_that_it_is_still_bad_and_once(
    stage: Stage, silence: Callable[..., Silence]
) -> None:
    made = silence(0, 7200)
    stage.fire(stage.rule(), "web-1", "web-2")
    stage.at(7100)
    reminder = Notice.objects.get(kind="reminder")
    assert (reminder.at - START).total_seconds() <= 6665
    assert reminder.text == (
        "The silence “moving house” ends in 10 minutes and CPU hot on web-1 and 1 more are still firing."
    )
    assert Delivery.objects.get(notice=reminder).person == made.owner


def test_nothing_is_said_before_the_end_when_all_is_well(stage: Stage, silence: Callable[..., Silence]) -> None:
    silence(0, 7200)
    stage.at(7300)
    assert not Notice.objects.exists()


def test_a_recurring_one_announces_each_of_its_ends(stage: Stage, silence: Callable[..., Silence]) -> None:
    silence(0, 3 * 86400, rrule="FREQ=DAILY", duration=3600)
    stage.fire(stage.rule(), "web-1")
    for hours in (0.85, 0.9, 10, 24.85, 24.9, 26):
        stage.at(hours * 3600)
    reminders = Notice.objects.filter(kind="reminder").order_by("at").values_list("at", flat=True)
    assert [round((at - START).total_seconds() / 3600, 1) for at in reminders] == [0.8, 24.9]


def test_a_preview_says_what_it_hits_now_and_hit_lately(stage: Stage, api: Callable[..., Client]) -> None:
    rule = stage.rule()
    stage.now = now() - timedelta(days=3)
    stage.fire(rule, "web-1", "db-1")
    body = {
        "selector": "name:web-*", "starts_at": now().isoformat(), "ends_at": (now() + timedelta(hours=1)).isoformat(),
    }  # fmt: skip
    found = api().post("/api/v1/silences/preview", body, content_type="application/json")
    assert found.status_code == 200, found.content
    shown = found.json()
    assert (shown["servers"], shown["names"], shown["alerts"], shown["notices"]) == (1, ["web-1"], 1, 1)
    assert [one["title"] for one in shown["incidents"]] == ["CPU hot on 2 servers"]
    assert len(shown["windows"]) == 1
    assert not Silence.objects.exists()
    Server.objects.filter(name="web-1").update(demo=True)
    found = api().post("/api/v1/silences/preview", body, content_type="application/json")
    assert found.json()["notices"] == 0, "of what is simulated nobody would be told"


def test_a_preview_counts_checks_apart_and_what_is_never_silenced_not_at_all(
    stage: Stage, api: Callable[..., Client]
) -> None:
    stage.server("web-1")
    stage.server("watchkeeper itself", internal=True)
    stage.server("Shop", internal=True, stands_for="check")
    body = {"selector": "", "ends_at": (now() + timedelta(hours=1)).isoformat()}
    shown = api().post("/api/v1/silences/preview", body, content_type="application/json").json()
    assert (shown["servers"], shown["checks"], shown["names"]) == (1, 1, ["web-1", "Shop"])
    rule = {"name": "x", "kind": "threshold", "metric": "cpu_used_percent", "critical": 90}
    shown = api().post("/api/v1/rules/preview", rule, content_type="application/json").json()
    assert (shown["servers"], shown["checks"]) == (1, 1)


def test_silences_over_the_api(
    stage: Stage, api: Callable[..., Client], person: Callable[..., User], other_team: Team
) -> None:
    client, stranger = api(person("operator")), api(person("operator", other_team))
    body = {"reason": "patching", "ends_at": (now() + timedelta(hours=1)).timestamp(), "selector": "tag:db"}
    made = client.post("/api/v1/silences", body, content_type="application/json")
    assert made.status_code == 201, made.content
    address = f"/api/v1/silences/{made.json()['id']}"
    assert made.json()["state"] == "on"
    assert stranger.get(address).status_code == 404
    assert stranger.get("/api/v1/silences").json()["results"] == []
    assert client.patch(address, {"reason": "more"}, content_type="application/json").json()["reason"] == "more"
    for wrong in (
        {"reason": ""},
        {"selector": "nonsense"},
        {"rrule": "FREQ=SECONDLY"},
        {"ends": 1},
        {"ends_at": 1},
        {"starts_at": 1},
    ):
        assert client.patch(address, wrong, content_type="application/json").status_code == 400
    assert client.post(f"{address}/end").json()["state"] == "over"
    assert client.patch(address, {"reason": "late"}, content_type="application/json").status_code == 409
    assert api(person("viewer")).post("/api/v1/silences", body, content_type="application/json").status_code == 403
