"""Who is on call: turns, layers, limits, overrides and gaps, over both kinds of clock change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from alerts.oncall import Plan, Shift, Takeover, Turns, gaps, on_call, shifts
from alerts.services.gaps import warning

COPENHAGEN = "Europe/Copenhagen"


def local(text: str, zone: str = COPENHAGEN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def weekly(*people: str | None, layer: dict[str, object] | None = None) -> Turns:
    usual: dict[str, object] = {"days": 7, "starts_on": date(2026, 11, 2), "hand_over": time(8)}
    return Turns(people=people, **{**usual, **(layer or {})})  # type: ignore[arg-type]


def test_turns_are_handed_over_at_the_time_of_day() -> None:
    plan = Plan(COPENHAGEN, (weekly("maria", "ole", "ana"),))
    assert on_call(plan, local("2026-11-02T07:59:59")) is None
    assert on_call(plan, local("2026-11-02T08:00")) == "maria"
    assert on_call(plan, local("2026-11-09T07:59:59")) == "maria"
    assert on_call(plan, local("2026-11-09T08:00")) == "ole"
    assert on_call(plan, local("2026-11-23T08:00")) == "maria"


@pytest.mark.parametrize("days", [1, 2, 3, 10])
def test_a_turn_lasts_as_many_days_as_it_says(days: int) -> None:
    plan = Plan("UTC", (weekly("a", "b", layer={"days": days}),))
    start = datetime(2026, 11, 2, 8, tzinfo=UTC)
    found = shifts(plan, start, start + timedelta(days=4 * days))
    assert [(one.person, one.end - one.start) for one in found] == [
        (person, timedelta(days=days)) for person in ("a", "b", "a", "b")
    ]


@pytest.mark.parametrize(
    ("zone", "first", "change", "hours"),
    [
        (COPENHAGEN, date(2026, 3, 28), "2026-03-29T08:00", 23),
        (COPENHAGEN, date(2026, 10, 24), "2026-10-25T08:00", 25),
        ("America/Sao_Paulo", date(2018, 2, 17), "2018-02-18T08:00", 25),
        ("America/Sao_Paulo", date(2018, 11, 3), "2018-11-04T08:00", 23),
        ("America/Sao_Paulo", date(2027, 2, 20), "2027-02-21T08:00", 24),
    ],
)
def test_a_clock_change_moves_the_moment_not_the_wall(zone: str, first: date, change: str, hours: int) -> None:
    plan = Plan(zone, (weekly("a", "b", layer={"days": 1, "starts_on": first}),))
    handed = local(change, zone)
    assert (on_call(plan, handed - timedelta(seconds=1)), on_call(plan, handed)) == ("a", "b")
    assert shifts(plan, handed - timedelta(hours=hours), handed) == [
        Shift("a", handed - timedelta(hours=hours), handed)
    ]


@pytest.mark.parametrize(
    ("zone", "day", "at", "moment"),
    [
        # 02:30 is skipped in Copenhagen, and comes as much later; in autumn it comes twice, and the first counts.
        (COPENHAGEN, date(2026, 3, 29), time(2, 30), "2026-03-29T01:30:00+00:00"),
        (COPENHAGEN, date(2026, 10, 25), time(2, 30), "2026-10-25T00:30:00+00:00"),
        ("America/Sao_Paulo", date(2018, 2, 17), time(23, 30), "2018-02-18T01:30:00+00:00"),
        ("America/Sao_Paulo", date(2018, 11, 4), time(0, 30), "2018-11-04T03:30:00+00:00"),
    ],
)
def test_a_hand_over_in_a_change_happens_once(zone: str, day: date, at: time, moment: str) -> None:
    layer = {"days": 1, "starts_on": day - timedelta(days=1), "hand_over": at}
    plan = Plan(zone, (weekly("a", "b", layer=layer),))
    handed = datetime.fromisoformat(moment)
    around = shifts(plan, handed - timedelta(hours=5), handed + timedelta(hours=5))
    assert around == [
        Shift("a", handed - timedelta(hours=5), handed),
        Shift("b", handed, handed + timedelta(hours=5)),
    ]


def test_later_layers_lie_over_earlier_ones_and_overrides_over_all() -> None:
    nights = weekly("night", layer={"hours_from": time(22), "hours_until": time(6)})
    taken = Takeover("guest", local("2026-11-03T23:00"), local("2026-11-04T01:00"))
    plan = Plan(COPENHAGEN, (weekly("day"), nights), (taken,))
    assert on_call(plan, local("2026-11-03T12:00")) == "day"
    assert on_call(plan, local("2026-11-03T22:00")) == "night"
    assert on_call(plan, local("2026-11-03T23:30")) == "guest"
    assert on_call(plan, local("2026-11-04T01:00")) == "night"
    assert on_call(plan, local("2026-11-04T06:00")) == "day"


def test_the_later_of_two_overrides_counts_and_one_of_somebody_who_left_does_not() -> None:
    start, end = local("2026-11-03T00:00"), local("2026-11-04T00:00")
    taken = (Takeover("first", start, end), Takeover("second", start, end), Takeover(None, start, end))
    assert on_call(Plan(COPENHAGEN, (), taken), local("2026-11-03T12:00")) == "second"


def test_hours_belong_to_the_weekday_on_which_they_begin() -> None:
    friday = weekly("a", layer={"hours_from": time(20), "hours_until": time(8), "weekdays": frozenset({4})})
    plan = Plan(COPENHAGEN, (friday,))
    assert on_call(plan, local("2026-11-06T21:00")) == "a"  # Friday
    assert on_call(plan, local("2026-11-07T07:59")) == "a"
    assert on_call(plan, local("2026-11-07T21:00")) is None
    assert on_call(plan, local("2026-11-06T07:00")) is None


def test_a_turn_of_somebody_who_left_is_a_gap_and_the_others_keep_theirs() -> None:
    plan = Plan("UTC", (weekly("a", None, "c"),))
    start = datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert [one.person for one in shifts(plan, start, start + timedelta(days=21))] == ["a", None, "c"]


def test_shifts_cover_the_range_without_holes_and_agree_with_each_moment() -> None:
    layers = (
        weekly("a", "b", layer={"days": 3}),
        weekly("c", "d", layer={"days": 1, "hours_from": time(18), "hours_until": time(2, 30)}),
        weekly("e", layer={"weekdays": frozenset({5, 6}), "ends_on": date(2027, 4, 4)}),
    )
    taken = Takeover("guest", local("2027-03-27T11:00"), local("2027-03-28T02:30"))
    plan = Plan(COPENHAGEN, layers, (taken,))
    start, end = local("2027-03-20T00:00"), local("2027-04-10T00:00")
    found = shifts(plan, start, end)
    assert (found[0].start, found[-1].end) == (start, end)
    assert all(one.end == other.start and one.person != other.person for one, other in pairwise(found))
    at = start
    for one in found:
        while at < one.end:
            assert on_call(plan, at) == one.person
            at += timedelta(minutes=30)


def test_a_gap_is_said_in_words_when_it_is_saved() -> None:
    working = weekly("a", layer={"weekdays": frozenset({0, 1, 2, 3, 4, 6}), "hours_from": time(8),
                                 "hours_until": time(8)})  # fmt: skip
    plan = Plan(COPENHAGEN, (working,))
    monday = local("2026-11-02T08:00")
    assert len(gaps(plan, monday, monday + timedelta(days=28))) == 4
    assert warning(plan, monday) == (
        "Nobody is on call Sat 08:00\u2013Sun 08:00, Sat 14 Nov 08:00\u2013Sun 15 Nov 08:00, "
        "Sat 21 Nov 08:00\u2013Sun 22 Nov 08:00, and 1 more time in four weeks."
    )
    assert warning(Plan(COPENHAGEN, (weekly("a"),)), monday) == ""
    assert warning(Plan(COPENHAGEN), monday) == "Nobody is on call in the coming four weeks."
    assert warning(Plan(COPENHAGEN, (weekly("a"),)), local("2026-11-01T00:00")) == (
        "Nobody is on call from now until Mon 08:00."
    )


def test_a_year_of_three_layers_is_reckoned_at_once() -> None:
    night: dict[str, object] = {"hours_from": time(22), "hours_until": time(6)}
    plan = Plan(COPENHAGEN, (weekly("a", "b"), weekly("c", "d", layer={"days": 1}), weekly("e", layer=night)))
    found = shifts(plan, local("2026-11-02T08:00"), local("2027-11-02T08:00"))
    assert len(found) > 700


def test_a_gap_is_said_in_the_readers_language() -> None:
    with translation.override("da"):
        assert warning(Plan(COPENHAGEN), local("2026-11-02T08:00")) == "Ingen har vagten i de kommende fire uger."
        said = warning(Plan(COPENHAGEN, (weekly("a"),)), local("2026-11-01T00:00"))
    assert said.startswith("Ingen har vagten fra nu til man")
