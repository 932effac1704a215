"""Chains on a simulated clock: each step once, in order, until somebody looks after it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from accounts.models import Membership, Team, User
from alerts import services
from alerts.models import Delivery, Incident, Notice, Schedule, Step
from alerts.services import answers, chains, reminders, stepping
from tests.alerts.people import NIGHT, NOON, chain, hook, rests, results, told, trouble, way

Person = Callable[..., User]
TICK = timedelta(seconds=5)  # the loop's own sweep
WAIT_5, WAIT_15 = {"kind": "wait", "seconds": 300}, {"kind": "wait", "seconds": 900}


@pytest.fixture
def maria(person: Person) -> User:
    user = person(first_name="Maria")
    way(user, hook(owner=user, name="phone"))
    return user


@pytest.fixture
def ole(person: Person) -> User:
    user = person(first_name="Ole")
    way(user, hook(owner=user, name="pager"))
    return user


def asks(user: User, **more: Any) -> dict[str, Any]:
    return {"kind": "person", "person": str(user.uuid), **more}


def on_call(schedule: Schedule) -> dict[str, str]:
    return {"kind": "on_call", "schedule": str(schedule.uuid)}


def duty(team: Team, *people: User, fallback: User | None = None) -> Schedule:
    made = Schedule.objects.create(team=team, name="Nights", fallback=fallback)
    if people:
        uuids = [str(one.uuid) for one in people]
        made.rotations.create(people=uuids, starts_on=date(2026, 11, 2), hand_over=time(8))
    return made


def clock(start: datetime, until: timedelta) -> list[tuple[timedelta, str]]:
    """Let the loop sweep from then on, and say after how long whom it told."""
    found: list[tuple[timedelta, str]] = []
    seen = set(Delivery.objects.values_list("pk", flat=True))
    at = start
    while at <= start + until:
        chains.run_due(at)
        for row in Delivery.objects.exclude(pk__in=seen).order_by("pk"):
            found.append((at - start, str(row.person or row.channel)))
            seen.add(row.pk)
        at += TICK
    return found


def test_a_chain_ends_on_time_when_nobody_acknowledges(team: Team, maria: User, ole: User) -> None:
    """Wait 5 min, Maria, wait 15 min, whoever is on call: at 20 min, a tick more at most."""
    steps = chain(team, WAIT_5, asks(maria), WAIT_15, on_call(duty(team, ole)))
    start = NOON + timedelta(seconds=2)  # not on the loop's beat
    chains.begin(trouble(team, start), steps, start)
    first, second = clock(NOON, timedelta(minutes=30))
    assert first[1] == "Maria"
    assert timedelta(0) <= first[0] - timedelta(minutes=5, seconds=2) <= TICK
    assert second[1] == "Ole"
    assert timedelta(0) <= second[0] - timedelta(minutes=20, seconds=2) <= TICK
    assert results() == [
        "Waited 5 min: nobody acknowledged.",
        "Told Maria by webhook.",
        "Waited 15 min: nobody acknowledged.",
        "Told Ole by webhook, on call in Nights.",
    ]
    assert all(step.due_at <= step.done_at <= step.due_at + TICK for step in Step.objects.all() if step.done_at)
    texts = list(Notice.objects.order_by("pk").values_list("kind", "text"))
    assert texts == [
        ("escalated", "Not acknowledged for 5 min: web-1: CPU is hot."),
        ("escalated", "Not acknowledged for 20 min: web-1: CPU is hot."),
    ]


def test_steps_before_the_first_wait_go_out_at_once(team: Team, maria: User) -> None:
    chains.begin(trouble(team), chain(team, asks(maria), WAIT_5, {"kind": "team"}), NOON)
    assert chains.run_due(NOON) == NOON + timedelta(minutes=5)
    assert told() == [("Maria", "phone", "waiting")]
    assert Notice.objects.get().text == "web-1: CPU is hot."


def test_a_late_wake_up_does_what_is_overdue_once_and_in_order(team: Team, maria: User, ole: User) -> None:
    steps = chain(team, asks(maria), WAIT_5, asks(ole), WAIT_15, {"kind": "channel", "channel": str(hook(team).uuid)})
    chains.begin(trouble(team), steps, NOON)
    late = NOON + timedelta(hours=1)
    assert chains.run_due(late) is None
    assert chains.run_due(late + TICK) is None
    assert [row[:2] for row in told()] == [("Maria", "phone"), ("Ole", "pager"), ("", "hook")]


def test_a_running_chain_does_not_change_with_its_chain(team: Team, maria: User, ole: User) -> None:
    steps = chain(team, WAIT_5, asks(maria))
    incident = trouble(team)
    chains.begin(incident, steps, NOON)
    steps.steps, steps.name = [asks(ole)], "Renamed"
    steps.save()
    chains.begin(incident, steps, NOON + TICK)
    chains.run_due(NOON + timedelta(hours=1))
    assert [row[0] for row in told()] == ["Maria"]


def test_a_repetition_tells_again_until_it_is_over(team: Team, maria: User) -> None:
    chains.begin(trouble(team), chain(team, asks(maria), WAIT_5, {"kind": "repeat", "times": 2}), NOON)
    assert [after for after, _ in clock(NOON, timedelta(minutes=20))] == [timedelta(minutes=5 * n) for n in range(3)]
    assert "Begins again, 2 of 2." in results()


def test_an_acknowledgement_stops_the_chain_and_what_it_would_send_later(team: Team, maria: User, ole: User) -> None:
    """Also the later ways of somebody who was told already."""
    way(maria, hook(owner=maria, name="landline"), after=600, place=1)
    incident = trouble(team)
    chains.begin(incident, chain(team, asks(maria), WAIT_5, asks(ole)), NOON)
    chains.run_due(NOON)
    Delivery.objects.filter(due_at=NOON).update(state="sent")
    services.acknowledge(incident, NOON + timedelta(minutes=1), by=maria)
    assert clock(NOON, timedelta(hours=1)) == []
    states = Delivery.objects.filter(notice__kind="escalated").order_by("pk").values_list("state", flat=True)
    assert list(states) == ["sent", "dropped"]
    assert all(result.endswith("Maria looks after it.") for result in results()[1:])


@pytest.mark.parametrize("end", ["acknowledged_at", "resolved_at"])
def test_steps_of_what_is_over_are_closed_and_say_why(team: Team, maria: User, end: str) -> None:
    incident = trouble(team)
    chains.begin(incident, chain(team, WAIT_5, asks(maria)), NOON)
    Incident.objects.update(**{end: NOON, "acknowledged_by": maria})
    assert chains.run_due(NOON + timedelta(hours=1)) is None
    why = "Not done: it was over." if end == "resolved_at" else "Not done: Maria looks after it."
    assert results() == [why, why]
    assert told() == []


def test_a_silence_holds_the_clock_and_the_chain_goes_on_after_it(team: Team, maria: User) -> None:
    chains.begin(trouble(team), chain(team, WAIT_5, asks(maria)), NOON)
    at = NOON
    while at < NOON + timedelta(hours=1):
        due = chains.run_due(at, muted=lambda _: "silenced by Ole: new disks")
        assert due is not None
        at = max(due, at + TICK)
    assert told() == []
    assert set(results()) == {"Held: silenced by Ole: new disks"}
    after = clock(at, timedelta(minutes=5))
    assert [person for _, person in after] == ["Maria"]
    assert after[0][0] <= timedelta(minutes=1)


def test_nobody_acknowledging_any_more_begins_the_frozen_chain_anew(team: Team, maria: User, ole: User) -> None:
    incident = trouble(team)
    steps = chain(team, asks(maria), WAIT_5, asks(ole))
    chains.begin(incident, steps, NOON)
    chains.run_due(NOON)
    services.acknowledge(incident, NOON + TICK, by=maria)
    steps.delete()
    later = NOON + timedelta(hours=2)
    chains.resume(incident, later)
    Incident.objects.update(acknowledged_at=None)
    assert clock(later, timedelta(minutes=10)) == [(timedelta(0), "Maria"), (timedelta(minutes=5), "Ole")]
    assert set(Step.objects.values_list("round", flat=True)) == {0, 1}


def test_an_empty_slot_tells_the_fallback_and_says_so(team: Team, maria: User) -> None:
    chains.begin(trouble(team), chain(team, on_call(duty(team, fallback=maria))), NOON)
    chains.run_due(NOON)
    assert results() == ["Nobody is on call in Nights: told the fallback Maria by webhook."]
    assert Notice.objects.get().text.startswith("Nobody is on call in Nights. ")
    assert Notice.objects.get().facts["on_call_gap"] == "Nights"


@pytest.mark.parametrize("default", [True, False])
def test_without_a_fallback_the_team_is_told(team: Team, maria: User, person: Person, default: bool) -> None:
    hook(team, name="ops", default=default)
    person("viewer")
    chains.begin(trouble(team), chain(team, on_call(duty(team))), NOON)
    chains.run_due(NOON)
    assert [row[:2] for row in told()] == ([("", "ops")] if default else [("Maria", "phone")])
    words = "the channel ops" if default else "Maria by webhook"
    assert results() == [f"Nobody is on call in Nights: told {words} instead."]


@pytest.mark.parametrize("how", ["left", "switched off", "deleted"])
def test_who_may_not_be_told_any_more_is_not_and_the_team_is(team: Team, maria: User, ole: User, how: str) -> None:
    chains.begin(trouble(team), chain(team, asks(maria), on_call(duty(team, maria))), NOON)
    if how == "left":
        Membership.objects.filter(user=maria).delete()
    elif how == "switched off":
        User.objects.filter(pk=maria.pk).update(is_active=False)
    else:
        maria.delete()
    chains.run_due(NOON)
    assert {row[0] for row in told()} == {"Ole"}
    who = "Somebody removed" if how == "deleted" else "Maria"
    assert results()[0] == f"{who} may not be told any more: told Ole by webhook instead."
    assert results()[1] == "Nobody is on call in Nights: told Ole by webhook instead."


def test_a_channel_that_went_and_an_empty_team_are_said(team: Team) -> None:
    gone, off = hook(team, name="gone"), hook(team, name="off", enabled=False)
    steps = [{"kind": "channel", "channel": str(one.uuid)} for one in (gone, off)]
    gone.delete()
    chains.begin(trouble(team), chain(team, *steps, {"kind": "team"}), NOON)
    chains.run_due(NOON)
    nobody = "and nobody else could be told: the team has no member."
    assert results() == [
        f"It is gone: {nobody}",
        f"The channel off is switched off: {nobody}",
        f"The team has no member who could be told: {nobody}",
    ]


def test_a_warning_at_night_waits_and_an_important_step_does_not(team: Team, maria: User) -> None:
    rests(maria)
    chains.begin(trouble(team, NIGHT), chain(team, asks(maria), asks(maria, important=True)), NIGHT)
    chains.run_due(NIGHT)
    assert results() == ["Told Maria by webhook (from 07:00, after quiet hours).", "Told Maria by webhook."]
    assert sorted(Delivery.objects.values_list("due_at", flat=True)) == [NIGHT, NIGHT + timedelta(hours=4)]


def test_a_raised_trouble_is_critical_for_the_steps_after_it(team: Team, maria: User) -> None:
    rests(maria)
    incident = trouble(team, NIGHT)
    chains.begin(incident, chain(team, WAIT_5, {"kind": "raise"}, WAIT_5, asks(maria)), NIGHT)
    chains.run_due(NIGHT + timedelta(minutes=5))
    incident.refresh_from_db()
    assert incident.severity == "critical"
    Incident.objects.update(severity="warn")  # as the next sample would
    chains.run_due(NIGHT + timedelta(minutes=10))
    assert Delivery.objects.get().due_at == NIGHT + timedelta(minutes=10)


def test_everybody_who_may_act_is_told_by_a_team_step(team: Team, maria: User, ole: User, person: Person) -> None:
    person("viewer")
    chains.begin(trouble(team), chain(team, {"kind": "team"}), NOON)
    chains.run_due(NOON)
    assert results() == ["Told Maria by webhook and Ole by webhook."]
    assert Notice.objects.count() == 1


def test_a_step_that_fails_holds_up_no_other_trouble(
    team: Team, maria: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, well = trouble(team, key="a"), trouble(team, key="b")
    steps = chain(team, asks(maria))
    for incident in (broken, well):
        chains.begin(incident, steps, NOON)
    done = stepping.do

    def do(step: Step, incident: Incident, now: datetime) -> str:
        if incident == broken:
            raise RuntimeError("no way to do it")
        return done(step, incident, now)

    monkeypatch.setattr(stepping, "do", do)
    assert chains.run_due(NOON) == NOON + chains.LATER
    assert Notice.objects.get().incident == well


def test_an_owner_is_reminded_after_an_hour_and_freed_where_the_chain_asks(team: Team, maria: User) -> None:
    asking, plain, sticky, timed = (trouble(team, key=key) for key in "abcd")
    for incident in (asking, sticky, timed):
        chains.begin(incident, chain(team, WAIT_5, asks(maria), unacknowledge=True, name=incident.key), NOON)
    until = NOON + timedelta(hours=9)
    for incident, more in ((asking, {}), (plain, {}), (sticky, {"how": "sticky"}), (timed, {"until": until})):
        answers.acknowledge(incident, NOON, by=maria, **more)
    hour = NOON + timedelta(hours=1)
    assert reminders.run_due(hour - TICK) == hour
    assert not Notice.objects.filter(kind="reminder").exists()
    reminders.run_due(hour)
    reminded = Notice.objects.filter(kind="reminder")
    assert {notice.incident for notice in reminded} == {asking, plain, sticky}
    assert {delivery.person for notice in reminded for delivery in notice.deliveries.all()} == {maria}
    assert reminders.run_due(hour + TICK) == hour + reminders.ANSWER
    reminders.run_due(hour + reminders.ANSWER)
    states = {incident.key: incident.acknowledged_at is None for incident in Incident.objects.all()}
    assert states == {"a": True, "b": False, "c": False, "d": False}
    assert reminders.run_due(hour + timedelta(hours=3)) is None
    assert reminded.count() == 3


def test_whoever_answers_the_reminder_keeps_it_for_another_hour(team: Team, maria: User) -> None:
    incident = trouble(team)
    chains.begin(incident, chain(team, WAIT_5, asks(maria), unacknowledge=True), NOON)
    answers.acknowledge(incident, NOON, by=maria)
    hour = timedelta(hours=1)
    reminders.run_due(NOON + hour)
    answers.acknowledge(incident, NOON + hour + TICK, by=maria, over="mail")
    reminders.run_due(NOON + hour * 1.9)
    incident.refresh_from_db()
    assert incident.acknowledged_by == maria
    reminders.run_due(NOON + hour * 2.1)
    assert Notice.objects.filter(kind="reminder").count() == 2


def test_an_owner_who_sleeps_has_the_time_to_answer_in_the_morning(team: Team, maria: User) -> None:
    rests(maria)
    incident = trouble(team, NIGHT)
    chains.begin(incident, chain(team, WAIT_5, asks(maria), unacknowledge=True), NIGHT)
    answers.acknowledge(incident, NIGHT, by=maria)
    reminders.run_due(NIGHT + timedelta(hours=1))
    reminders.run_due(NIGHT + timedelta(hours=2))
    morning = NIGHT + timedelta(hours=4)
    assert Delivery.objects.get(notice__kind="reminder").due_at == morning
    incident.refresh_from_db()
    assert incident.acknowledged_at is not None
    reminders.run_due(morning + reminders.ANSWER)
    incident.refresh_from_db()
    assert incident.acknowledged_at is None


@pytest.mark.parametrize("how", ["left", "deleted"])
def test_an_owner_who_left_is_not_asked_and_the_chain_begins_anew(
    team: Team, maria: User, ole: User, how: str
) -> None:
    incident = trouble(team)
    chains.begin(incident, chain(team, WAIT_5, asks(ole), unacknowledge=True), NOON)
    answers.acknowledge(incident, NOON, by=maria)
    if how == "left":
        Membership.objects.filter(user=maria).delete()
    else:
        maria.delete()
    hour = NOON + timedelta(hours=1)
    reminders.run_due(hour)
    assert not Notice.objects.filter(kind="reminder").exists()
    reminders.run_due(hour + reminders.ANSWER)
    assert [person for _, person in clock(hour + reminders.ANSWER, timedelta(minutes=6))] == ["Ole"]
