"""What holds messages back: a server that is down, too few of a group, what is simulated, somebody's care."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import translation

from accounts.models import Team, User
from alerts import messages, services
from alerts.models import Alert, Chain, Delivery, Incident, Notice, Rule
from metrics.models import Series
from tests.alerts.stage import Stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage(team: Team) -> Stage:
    made = Stage(team)
    made.hook()
    return made


@pytest.fixture
def down(stage: Stage) -> Rule:
    return stage.rule("Down", kind="no_data", metric="", warn=None, critical=60, group_wait=0)


def texts(stage: Stage) -> list[str]:
    return [text.partition(":")[0] + " " + kind for _, kind, text in stage.sent()]


def test_a_server_that_is_down_is_one_message(stage: Stage, down: Rule) -> None:
    cpu, disk = stage.rule("CPU", group_by=["rule", "server"]), stage.rule("Disk", group_by=["rule", "server"])
    stage.fire(down, "web-1")
    stage.at(1).fire(cpu, "web-1")
    stage.fire(disk, "web-1", "web-2")
    stage.at(120)
    assert texts(stage) == ["web-1 firing", "web-2 firing"]
    parent = Incident.objects.get(rule=down)
    assert {one.rule for one in parent.children.all()} == {cpu, disk}
    assert stage.held() == ["Not told: web-1 is down."] * 2


def test_the_title_says_how_many_are_left_and_then_what_the_last_one_says(stage: Stage) -> None:
    cpu = stage.rule("CPU hot")
    stage.fire(cpu, "web-1", "web-2", "web-3")
    title = Incident.objects.values_list("title", flat=True)
    assert title.get() == "CPU hot on 3 servers"
    stage.at(20).end(cpu, "web-1")
    assert title.get() == "CPU hot on 2 servers"
    stage.at(30).end(cpu, "web-3")
    assert "web-2" in title.get()
    assert "servers" not in title.get()


def test_a_child_that_was_told_before_still_sends_its_end(stage: Stage, down: Rule) -> None:
    cpu = stage.rule("CPU", group_wait=0)
    stage.fire(cpu, "web-1")
    stage.at(10).fire(down, "web-1")
    stage.at(20)
    assert Incident.objects.get(rule=cpu).parent == Incident.objects.get(rule=down)
    stage.end(cpu, "web-1")
    assert [kind for _, kind in stage.at(30).kinds()] == ["firing", "firing", "resolved"]


def test_what_is_still_bad_when_the_server_is_back_is_told_after_its_wait(stage: Stage, down: Rule) -> None:
    cpu, disk = stage.rule("CPU", group_wait=30), stage.rule("Disk", group_wait=30)
    stage.fire(down, "web-1")
    stage.at(1).fire(cpu, "web-1")
    stage.fire(disk, "web-1")
    stage.at(500).end(down, "web-1")
    stage.at(510).end(disk, "web-1")
    assert stage.at(529.9).kinds() == [(0, "firing"), (500, "resolved")]
    assert stage.at(531).kinds()[2:] == [(530, "firing")]
    assert Incident.objects.get(rule=cpu).parent is None
    assert not Delivery.objects.filter(notice__alert__rule=disk).exists()


def test_a_server_that_may_be_down_holds_its_alerts_until_it_is_known(stage: Stage, down: Rule) -> None:
    cpu = stage.rule("CPU", group_wait=0)
    alert = Alert.objects.create(
        rule=down, server=stage.server("web-1"), series=stage.series, severity="critical", value=1, limit=1, since=1,
        judged=1,
    )  # fmt: skip
    stage.fire(cpu, "web-1")
    assert stage.at(5).sent() == []
    services.end(Alert.objects.filter(pk=alert.pk), str, stage.now)
    assert stage.at(6).kinds() == [(5, "firing")]


def test_a_rule_that_cannot_be_judged_any_more_holds_nothing_back(stage: Stage, down: Rule) -> None:
    stage.fire(down, "web-1")
    Alert.objects.filter(rule=down).update(state="error")
    stage.at(1).fire(stage.rule("CPU", group_wait=0), "web-1")
    assert texts(stage.at(2)) == ["web-1 firing", "web-1 firing"]


def test_one_that_is_down_in_a_group_holds_itself_alone(stage: Stage, down: Rule) -> None:
    cpu = stage.rule("CPU")
    stage.fire(down, "web-1")
    stage.at(1).fire(cpu, "web-1", "web-2")
    assert texts(stage.at(100)) == ["web-1 firing", "web-2 firing"]
    assert Incident.objects.get(rule=cpu).parent is None


def test_too_few_of_a_group_are_no_trouble(stage: Stage) -> None:
    rule = stage.rule(params={"at_least": 3})
    stage.fire(rule, "web-1", "web-2")
    assert stage.at(1000).sent() == []
    assert stage.held() == ["Not told: 2 of the 3 that make it a trouble."] * 2
    stage.fire(rule, "web-3")
    told = stage.at(1100).sent()
    assert [text for *_, text in told] == ["CPU hot on 3 servers: web-1, web-2 and web-3."]
    stage.end(rule, "web-1", "web-2", "web-3")
    assert stage.at(1300).sent()[1][1] == "resolved"


def test_nobody_is_told_of_what_is_simulated(stage: Stage) -> None:
    stage.server("demo-1", demo=True)
    rule = stage.rule()
    stage.fire(rule, "demo-1")
    stage.at(100).end(rule, "demo-1")
    assert stage.at(200).sent() == []
    assert {notice.state for notice in Notice.objects.all()} == {"not told"}


def test_what_is_simulated_never_shares_an_incident_with_what_is_real(stage: Stage) -> None:
    """Whatever groups them: by rule, or every rule of a team together."""
    stage.server("demo-1", demo=True)
    for by in ([], ["site"]):
        rule = stage.rule(name=f"by {by}", group_by=by, metric="cpu_used_percent")
        stage.fire(rule, "demo-1")
        stage.fire(rule, "web-1")
    stage.at(100)
    held = [set(one.alerts.values_list("server__name", flat=True)) for one in Incident.objects.all()]
    assert sorted(map(sorted, held)) == [["demo-1"], ["demo-1"], ["web-1"], ["web-1"]]
    told = [text for *_, text in stage.sent()]
    assert len(told) == 2
    assert all("web-1" in text and "demo-1" not in text for text in told)


def test_no_message_lists_what_is_simulated_even_where_an_old_incident_holds_it(stage: Stage) -> None:
    rule = stage.rule()
    stage.fire(rule, "demo-1", "web-1", "web-2")
    stage.servers["demo-1"].demo = True
    stage.servers["demo-1"].save(update_fields=["demo"])
    stage.at(100)
    deliveries = list(Delivery.objects.all())
    assert deliveries
    for one in deliveries:
        for found in (None, messages.gather([one])[one.notice_id]):
            made = messages.compose(one, chart=False, found=found)
            assert {member["server"]["name"] for member in made.members} == {"web-1", "web-2"}
            assert made.summary == "CPU hot on 2 servers: web-1 and web-2."


def test_nobody_is_asked_whether_they_still_look_after_what_is_simulated(
    stage: Stage, person: Callable[..., User]
) -> None:
    stage.server("demo-1", demo=True)
    stage.fire(stage.rule(), "demo-1")
    services.acknowledge(Incident.objects.get(), stage.now, by=person())
    stage.at(3 * 3600)
    assert not Notice.objects.filter(kind="reminder").exists()


Taken = Callable[..., User]


@pytest.fixture
def taken(person: Callable[..., User], stage: Stage) -> Taken:
    """Somebody looks after the only incident."""

    def take(**how: Any) -> User:
        user = person()
        services.acknowledge(Incident.objects.get(), stage.now, by=user, **how)
        stage.deliver()
        return user

    return take


def test_who_looks_after_it_ends_repeats_but_not_the_end(stage: Stage, taken: Taken) -> None:
    rule = stage.rule(repeat_intervals=[600])
    stage.fire(rule, "web-1")
    stage.at(10)
    stage.deliver()
    taken()
    stage.at(3000).end(rule, "web-1")
    assert [kind for _, kind in stage.at(3100).kinds()] == ["firing", "acknowledged", "resolved"]


@pytest.mark.parametrize("worse", ["another server", "critical"])
def test_what_gets_worse_is_nobody_s_any_more(stage: Stage, taken: Taken, worse: str) -> None:
    rule = stage.rule()
    stage.fire(rule, "web-1", value=85)
    stage.at(15)
    stage.deliver()
    taken()
    stage.fire(rule, "web-2" if worse == "another server" else "web-1", value=99)
    stage.at(100)
    assert Incident.objects.get().state == "open"
    assert list(Notice.objects.order_by("pk").values_list("kind", flat=True)) == [
        "firing", "acknowledged", "firing", "unacknowledged",
    ]  # fmt: skip
    assert [kind for _, kind in stage.kinds()] == ["firing", "acknowledged", "firing"]


def test_what_somebody_keeps_to_the_end_calls_nobody_else(stage: Stage, taken: Taken) -> None:
    rule = stage.rule()
    stage.fire(rule, "web-1")
    stage.at(15)
    stage.deliver()
    taken(how="sticky")
    stage.fire(rule, "web-2")
    stage.at(3000).end(rule, "web-2")
    stage.at(3500)
    assert Incident.objects.get().state == "acknowledged"
    assert [kind for _, kind in stage.kinds()] == ["firing", "acknowledged"]


def test_a_time_that_somebody_took_ends_by_itself(stage: Stage, taken: Taken) -> None:
    rule = stage.rule()
    stage.fire(rule, "web-1")
    stage.at(15)
    stage.deliver()
    taken(until=stage.now + timedelta(hours=2))
    stage.fire(rule, "web-2")
    stage.at(7300)
    assert Incident.objects.get().state == "open"
    assert stage.kinds() == [(0, "firing"), (15, "acknowledged"), (7215, "unacknowledged"), (7215, "firing")]


def test_taking_it_calls_off_what_is_not_on_its_way(stage: Stage, person: Callable[..., User], team: Team) -> None:
    """Steps and untried messages end in the same transaction; who gave no sign of it being out hears no end."""
    user = person()
    chain = Chain.objects.create(team=team, name="night", steps=[{"kind": "wait", "seconds": 300}, {"kind": "team"}])
    rule = stage.rule(notify=[{"chain": str(chain.uuid)}, {"person": str(user.uuid)}], group_wait=0)
    stage.fire(rule, "web-1")
    stage.at(1)
    assert Delivery.objects.get().state == "waiting"
    services.acknowledge(Incident.objects.get(), stage.now, by=user)
    assert Delivery.objects.get().state == "dropped"
    assert not Incident.objects.get().steps.filter(done_at=None).exists()
    stage.at(1000).end(rule, "web-1")
    stage.at(2000)
    assert stage.sent() == []


def test_giving_it_back_calls_again(stage: Stage, taken: Taken, person: Callable[..., User]) -> None:
    rule = stage.rule(repeat_intervals=[600])
    stage.fire(rule, "web-1")
    stage.at(10)
    stage.deliver()
    user = taken()
    stage.at(3000)
    services.unacknowledge(Incident.objects.get(), stage.now, by=user)
    assert [kind for _, kind in stage.at(3700).kinds()] == ["firing", "acknowledged", "unacknowledged", "repeat"]


def test_a_person_who_closes_it_ends_it_for_all_at_once(stage: Stage, person: Callable[..., User]) -> None:
    rule = stage.rule()
    stage.fire(rule, "web-1", "web-2")
    stage.at(10)
    user = person()
    services.close(Incident.objects.get(), stage.now, by=user)
    services.close(Incident.objects.get(), stage.now, by=user)
    stage.at(11)
    assert [kind for _, kind in stage.kinds()] == ["firing", "resolved"]
    assert not Alert.objects.open().exists()
    assert Incident.objects.get().state == "resolved"


def test_a_title_holds_no_time_that_is_over_when_it_is_read(stage: Stage, down: Rule) -> None:
    stage.series = Series.objects.create(metric="silent_seconds")
    stage.fire(down, "web-1", value=107)
    incident = Incident.objects.get()
    assert incident.title == "web-1 does not report."
    assert Notice.objects.get(kind="firing").text == "web-1 has not reported for 1 min 47 s."
    with translation.override("da"):
        assert messages.title(incident) == "web-1 giver ikke lyd fra sig."
    stage.at(5 * 3600)
    again = messages.compose(Delivery.objects.filter(notice__kind="repeat").latest("pk"), chart=False)
    assert again.summary == "Not over after 4 h: web-1 does not report."
