"""When a group is told, to whom, and to its end: Alertmanager's sentences on a simulated clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from accounts.models import Team, User
from alerts import services
from alerts.models import Channel, Delivery, Incident, Notice
from alerts.services import telling
from core.clock import now
from tests.alerts.people import rests
from tests.alerts.stage import Stage

pytestmark = pytest.mark.django_db
HOUR = 3600


@pytest.fixture
def stage(team: Team) -> Stage:
    made = Stage(team)
    made.hook()
    return made


def test_group_wait_runs_from_the_first_alert_to_the_first_message(stage: Stage) -> None:
    rule = stage.rule(group_wait=30)
    stage.fire(rule, "web-1")
    stage.at(20).fire(rule, "web-2", "web-3")
    stage.at(29.9)
    assert stage.sent() == []
    stage.at(31)
    assert stage.sent() == [(30, "firing", "CPU hot on 3 servers: web-1, web-2 and web-3.")]


def test_what_nobody_could_be_told_is_not_called_told_and_is_said_once_somebody_is_there(stage: Stage) -> None:
    Channel.objects.all().delete()
    rule = stage.rule(group_wait=0, repeat_intervals=[700])
    stage.fire(rule, "web-1")
    stage.at(1)
    notice = Notice.objects.get()
    assert (notice.state, notice.held) == ("not told", "no channel, person or chain is there for it")
    stage.hook()
    stage.at(1000)
    assert [kind for _, kind in stage.kinds()] == ["repeat"]


def test_what_is_over_before_the_wait_ends_is_never_told(stage: Stage) -> None:
    rule = stage.rule(group_wait=30)
    stage.fire(rule, "web-1", "web-2")
    stage.at(10).end(rule, "web-1")
    stage.at(3000)
    assert stage.sent() == [(30, "firing", "web-2: CPU used is 99 %, above 95 %.")]
    assert stage.held() == ["it was over before its group was told"] * 2


def test_later_members_and_ends_wait_for_the_tick_of_the_group(stage: Stage) -> None:
    rule = stage.rule(group_wait=30, group_interval=300)
    stage.fire(rule, "web-1", "web-3")
    stage.at(40).fire(rule, "web-2")
    stage.at(100).end(rule, "web-1")
    stage.at(329.9)
    assert len(stage.sent()) == 1
    stage.at(331)
    text = "web-2: CPU used is 99 %, above 95 %. web-1: CPU used is well again at 10 %. 2 fire in all."
    assert stage.sent()[1:] == [(330, "firing", text)]


def test_ticks_go_on_from_the_end_of_the_wait_whether_there_was_news_or_not(stage: Stage) -> None:
    rule = stage.rule(group_wait=30, group_interval=300)
    stage.fire(rule, "web-1")
    stage.at(1000).fire(rule, "web-2")
    stage.at(1229)
    assert len(stage.sent()) == 1
    assert [at for at, _ in stage.at(2000).kinds()] == [30, 1230]


def test_a_repeat_is_looked_at_on_ticks_and_so_rounds_up(stage: Stage) -> None:
    rule = stage.rule(group_wait=0, group_interval=300, repeat_intervals=[700])
    stage.fire(rule, "web-1")
    assert stage.at(2000).kinds() == [(0, "firing"), (900, "repeat"), (1800, "repeat")]


def test_nothing_is_said_again_when_something_new_was_just_said(stage: Stage) -> None:
    rule = stage.rule(group_wait=0, group_interval=300, repeat_intervals=[700])
    stage.fire(rule, "web-1")
    stage.at(890).fire(rule, "web-2")
    assert stage.at(1799).kinds() == [(0, "firing"), (900, "firing")]
    assert stage.at(1801).kinds()[2:] == [(1800, "repeat")]


def test_repeats_come_less_and_less_often(stage: Stage) -> None:
    rule = stage.rule()
    stage.fire(rule, "web-1")
    days = [round(at / 86400, 2) for at, _ in stage.at(31 * 86400).kinds()]
    assert days == [0, 0.17, 1.17, 8.17, 15.17, 22.17, 29.17]


def test_news_make_repeats_begin_anew(stage: Stage) -> None:
    rule = stage.rule(repeat_intervals=[3600, 36000])
    stage.fire(rule, "web-1")
    stage.at(2 * HOUR).fire(rule, "web-2")
    assert [at // HOUR for at, _ in stage.at(4 * HOUR).kinds()] == [0, 1, 2, 3]


def test_a_warning_waits_ten_seconds_and_a_critical_one_not_at_all(stage: Stage) -> None:
    rule = stage.rule()
    stage.fire(rule, "web-1", value=85)
    stage.at(5).fire(stage.rule("Other"), "web-9")
    assert stage.at(60).kinds() == [(5, "firing"), (10, "firing")]


def test_worse_news_end_the_wait_of_a_milder_one_and_take_its_place(stage: Stage) -> None:
    rule = stage.rule()
    stage.fire(rule, "web-1", value=85)
    stage.at(3).fire(rule, "web-1")
    assert stage.at(600).sent() == [(3, "firing", "web-1: CPU used is 99 %, above 95 %.")]
    assert stage.held() == ["worse news took its place"]


def test_a_group_that_gets_critical_does_not_wait_for_its_tick_but_once(stage: Stage) -> None:
    rule = stage.rule()
    stage.fire(rule, "web-1", value=85)
    stage.at(15).fire(rule, "web-2")
    stage.at(20).fire(rule, "web-1")
    assert [at for at, _ in stage.at(100).kinds()] == [10, 15, 75]


def test_without_any_wait_each_alert_is_a_message_of_its_own(stage: Stage) -> None:
    rule = stage.rule(group_wait=0)
    stage.fire(rule, "web-1", "web-2")
    stage.end(rule, "web-1")
    stage.end(rule, "web-2")
    stage.at(1)
    assert [kind for _, kind in stage.kinds()] == ["firing", "resolved", "firing", "resolved"]
    assert Incident.objects.count() == 2
    assert set(Delivery.objects.values_list("notice__incident", flat=True)) == set(
        Incident.objects.values_list("pk", flat=True)
    )


def test_an_alert_that_ended_before_a_late_telling_is_told_when_its_time_had_come(stage: Stage) -> None:
    rule = stage.rule(group_wait=10)
    stage.fire(rule, "web-1")
    stage.now += timedelta(seconds=12)
    stage.end(rule, "web-1")
    stage.at(20)
    assert [kind for _, kind in stage.kinds()] == ["firing"]
    assert Delivery.objects.get().notice.facts["resolved_count"] == 1


def test_five_hundred_hosts_are_one_message_a_route(stage: Stage, team: Team) -> None:
    rule, other = stage.rule(group_wait=30), stage.hook("second")
    names = [f"web-{number:03}" for number in range(500)]
    stage.servers_named(names)
    for part in range(4):
        stage.at(part * 6).fire(rule, *names[part * 125 : part * 125 + 125])
    stage.at(60)
    assert Delivery.objects.count() == 2
    assert {one.channel.name for one in Delivery.objects.all()} == {"hook", other.name}
    notice = Notice.objects.get(deliveries__channel=other)
    assert notice.text.startswith("CPU hot on 500 servers: web-000, web-001, ")
    assert (len(notice.facts["new"]), notice.facts["new_count"], notice.tells.count()) == (20, 500, 500)
    assert Incident.objects.get().title == "CPU hot on 500 servers"


def test_groups_are_what_a_rule_says(stage: Stage) -> None:
    by = {"server": ["rule", "server"], "tag:rack": ["rule", "tag:rack"], "site": ["rule", "site"]}
    stage.server("web-1", tags=["rack:1"], site="dk")
    stage.server("web-2", tags=["rack:1"], site="br")
    stage.server("web-3", tags=["rack:2"], site="br")
    counts = {}
    for name, group_by in by.items():
        rule = stage.rule(name, group_by=group_by)
        stage.fire(rule, "web-1", "web-2", "web-3")
        counts[name] = Incident.objects.filter(rule=rule).count()
    assert counts == {"server": 3, "tag:rack": 2, "site": 2}


def test_a_group_of_a_server_holds_its_alerts_of_all_rules(stage: Stage) -> None:
    first, second = stage.rule("A", group_by=["server"]), stage.rule("B", group_by=["server"])
    stage.fire(first, "web-1", value=85)
    stage.fire(second, "web-1", value=85)
    stage.at(30)
    assert stage.sent() == [(10, "firing", "web-1: 2 troubles: A and B.")]
    assert Incident.objects.get().title == "web-1: A, B"


def test_an_end_reaches_whoever_heard_of_the_beginning_and_nobody_else(stage: Stage) -> None:
    rule = stage.rule(group_interval=60)
    stage.fire(rule, "web-1")
    stage.at(1)
    stage.deliver()
    late = stage.hook("late")
    Channel.objects.filter(name="hook").update(enabled=False)
    stage.at(30).fire(rule, "web-2")
    stage.at(61)
    stage.deliver()
    stage.at(70).end(rule, "web-1", "web-2")
    stage.at(130)
    ends = Delivery.objects.filter(notice__kind="resolved")
    told = {(one.channel.name, one.notice.text.partition(":")[0]) for one in ends}
    assert told == {("hook", "web-1"), (late.name, "web-2")}


def test_a_trouble_that_ended_and_comes_back_before_its_tick_is_the_same_trouble(stage: Stage) -> None:
    rule = stage.rule()
    stage.fire(rule, "web-1")
    stage.at(5).end(rule, "web-1")
    stage.at(10).fire(rule, "web-1")
    stage.at(100)
    assert Incident.objects.count() == 1
    assert [at for at, _ in stage.kinds()] == [0, 60]
    stage.at(200).end(rule, "web-1")
    stage.at(300).fire(rule, "web-1")
    assert Incident.objects.count() == 2


def test_telling_twice_tells_once(stage: Stage) -> None:
    rule = stage.rule()
    stage.fire(rule, "web-1")
    for _ in range(3):
        telling.step(stage.now)
    assert len(stage.sent()) == 1


def test_a_trouble_without_an_alert_is_told_to_its_targets_and_to_its_end(stage: Stage, team: Team) -> None:
    second = stage.hook("second", default=False)
    services.trouble_begins("beat", team, "Nothing is scheduled.", stage.now, notify=[{"channel": str(second.uuid)}])
    stage.at(1)
    services.trouble_ends("beat", "It goes on.", stage.now)
    stage.at(2)
    told = Delivery.objects.order_by("pk").values_list("channel__name", "notice__kind")
    assert list(told) == [("second", "firing"), ("second", "resolved")]


def test_what_went_with_its_server_is_told_to_its_end(stage: Stage) -> None:
    rule = stage.rule(group_wait=0)
    stage.fire(rule, "web-1")
    stage.at(1)
    services.servers_removed([stage.server("web-1").pk])
    stage.server("web-1").delete()
    stage.now = max(stage.now, now())
    telling.step(stage.now)
    assert [kind for _, kind in stage.kinds()] == ["firing", "resolved"]


def test_a_warning_does_not_keep_the_worst_from_somebody_in_quiet_hours(
    stage: Stage, person: Callable[..., User]
) -> None:
    ana = person()
    rests(ana, quiet_from="11:00", quiet_until="18:00", zone="UTC")
    rule = stage.rule(notify=[{"person": str(ana.uuid)}], group_wait=5)
    stage.fire(rule, "web-1", value=85)
    stage.fire(rule, "web-2", value=99)
    stage.at(6)
    [told] = Delivery.objects.all()
    assert told.due_at <= stage.now, "the warning waits for the end of quiet hours, the critical one does not"
    assert told.notice.facts["new_count"] == 2


@pytest.mark.parametrize(("value", "waits"), [(85, True), (99, False)])
def test_the_end_of_a_warning_wakes_nobody(
    stage: Stage, person: Callable[..., User], value: float, waits: bool
) -> None:
    ana = person()
    rule = stage.rule(notify=[{"person": str(ana.uuid)}], group_wait=5)
    stage.fire(rule, "web-1", value=value)
    stage.at(6).deliver()
    rests(ana, quiet_from="11:00", quiet_until="18:00", zone="UTC")
    stage.at(60).end(rule, "web-1")
    stage.at(300)
    end = Delivery.objects.get(notice__kind="resolved")
    assert end.state == "waiting"
    assert (end.due_at.hour == 18) is waits
