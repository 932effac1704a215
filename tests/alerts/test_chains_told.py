"""From a bad sample by a rule's chain to the right person, and who was reached hears the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import pytest

from accounts.base import narrow
from accounts.models import Membership, Team, User
from alerts import services
from alerts.judging import Judge
from alerts.models import Chain, Delivery, Incident, Notice, Rule, Silence, Step
from alerts.services import telling
from alerts.services.audience import Book
from core.clock import now as clock
from tests.alerts.people import chain, hook, trouble, way
from tests.conftest import Machine

Person = Callable[..., User]
WAIT = {"kind": "wait", "seconds": 300}


@pytest.fixture
def web(machine: Callable[..., Machine]) -> Machine:
    return machine("web-1")


@pytest.fixture
def judge() -> Iterator[Judge]:
    made = Judge()
    yield made
    made.end()


def climbs(team: Team, person: Person) -> Chain:
    """Maria at once, Ole after five minutes, both by phone."""
    steps: list[dict[str, object]] = []
    for name in ("Maria", "Ole"):
        user = person(first_name=name)
        way(user, hook(owner=user, name="phone"))
        steps += [WAIT] * bool(steps) + [{"kind": "person", "person": str(user.uuid)}]
    return chain(team, *steps)


def heard(kind: str) -> list[str]:
    rows = Delivery.objects.filter(notice__kind=kind).exclude(state="dropped").select_related("person")
    return [str(row.person) for row in rows.order_by("pk")]


@pytest.mark.parametrize("default", [False, True])
def test_a_rule_is_told_by_its_chain_and_its_end_to_whom_that_reached(
    web: Machine, team: Team, person: Person, judge: Judge, now: float, default: bool
) -> None:
    followed = climbs(team, person)
    Chain.objects.update(default=default)
    notify = [] if default else [{"chain": str(followed.uuid)}]
    hook(team, name="ops")  # a default channel, not asked while there is a chain
    Rule.objects.create(
        team=team, name="hot", metric="cpu", critical=95, critical_recover=80, group_wait=0, notify=notify
    )
    web.report(now - 20, cpu=99)
    judge.step()
    telling.step(clock())
    assert heard("escalated") == ["Maria"]
    assert heard("firing") == []
    notice = Notice.objects.get(kind="escalated")
    assert (notice.facts["value"], notice.facts["limit"]) == (99.0, 95.0)
    Delivery.objects.update(state="sent")
    web.report(now - 10, cpu=70)
    judge.step()
    telling.step(clock() + timedelta(minutes=1))
    assert heard("resolved") == ["Maria"]
    telling.step(clock() + timedelta(minutes=10))
    assert heard("escalated") == ["Maria"]
    assert not Step.objects.filter(done_at=None).exists()


def test_given_back_it_climbs_anew_until_its_end(
    web: Machine, team: Team, person: Person, judge: Judge, now: float
) -> None:
    followed = climbs(team, person)
    notify = [{"chain": str(followed.uuid)}]
    Rule.objects.create(
        team=team, name="hot", metric="cpu", critical=95, critical_recover=80, group_wait=0, notify=notify
    )
    web.report(now - 20, cpu=99)
    judge.step()
    start = clock()

    def at(minutes: int) -> datetime:
        moment = start + timedelta(minutes=minutes)
        telling.step(moment)
        return moment

    at(0)
    Delivery.objects.update(state="sent")
    maria = User.objects.get(first_name="Maria")
    services.acknowledge(Incident.objects.get(), at(1), by=maria)
    at(30)
    assert heard("escalated") == ["Maria"]
    services.unacknowledge(Incident.objects.get(), at(31), by=maria)
    at(32)
    assert heard("escalated") == ["Maria", "Maria"]
    at(40)
    assert heard("escalated") == ["Maria", "Maria", "Ole"]


def test_whoever_left_meanwhile_is_told_of_the_end_and_of_nothing_new(
    web: Machine, machine: Callable[..., Machine], team: Team, person: Person, judge: Judge, now: float
) -> None:
    followed = climbs(team, person)
    Rule.objects.create(
        team=team, name="hot", metric="cpu", critical=95, critical_recover=80, group_wait=0, group_interval=60,
        notify=[{"chain": str(followed.uuid)}],
    )  # fmt: skip
    web.report(now - 20, cpu=99)
    judge.step()
    telling.step(clock())
    Delivery.objects.update(state="sent", attempts=1)
    Membership.objects.filter(user__first_name="Maria").delete()
    machine("web-2").report(now - 15, cpu=99)
    judge.step()
    telling.step(clock() + timedelta(minutes=2))
    assert heard("firing") == [], "Maria is of the team no more, and Ole was not reached yet"
    services.acknowledge(Incident.objects.get(), clock(), by=User.objects.get(first_name="Ole"))
    assert heard("acknowledged") == []
    services.close(Incident.objects.get(), clock(), by=User.objects.get(first_name="Ole"))
    assert heard("resolved") == ["Maria"]


def test_whom_a_chain_called_hears_no_end_of_what_was_silenced(
    web: Machine, machine: Callable[..., Machine], team: Team, person: Person, judge: Judge, now: float
) -> None:
    followed = climbs(team, person)
    Rule.objects.create(
        team=team, name="hot", metric="cpu", critical=95, critical_recover=80, group_wait=0, group_interval=60,
        notify=[{"chain": str(followed.uuid)}],
    )  # fmt: skip
    day = timedelta(days=1)
    Silence.objects.create(
        team=team, selector="name:web-2", reason="moves", starts_at=clock() - day, ends_at=clock() + day
    )
    second = machine("web-2")
    web.report(now - 30, cpu=99)
    judge.step()
    telling.step(clock())
    Delivery.objects.update(state="sent", attempts=1)
    second.report(now - 25, cpu=99)
    judge.step()
    telling.step(clock() + timedelta(minutes=2))
    second.report(now - 20, cpu=10)
    judge.step()
    telling.step(clock() + timedelta(minutes=4))
    assert heard("resolved") == []
    web.report(now - 15, cpu=10)
    judge.step()
    telling.step(clock() + timedelta(minutes=10))
    assert heard("resolved") == ["Maria"]
    [end] = Notice.objects.filter(deliveries__isnull=False, kind="resolved").distinct()
    assert "web-2" not in end.text


def test_what_joins_a_trouble_is_told_to_whoever_may_see_it_and_so_is_its_end(
    web: Machine, machine: Callable[..., Machine], team: Team, person: Person, judge: Judge, now: float
) -> None:
    """Maria, the only one of the chain, sees web-1 alone."""
    maria = person(first_name="Maria")
    way(maria, hook(owner=maria, name="phone"))
    Membership.objects.filter(user=maria).update(selector="name:web-1")
    narrow.forget()
    ops = hook(team, name="ops")
    followed = chain(team, {"kind": "person", "person": str(maria.uuid)})
    Rule.objects.create(
        team=team, name="hot", metric="cpu", critical=95, critical_recover=80, group_wait=0, group_interval=60,
        notify=[{"chain": str(followed.uuid)}],
    )  # fmt: skip
    second = machine("web-2")

    def told(kind: str) -> list[tuple[str, str]]:
        """By whom, of what."""
        rows = Delivery.objects.filter(notice__kind=kind).select_related("channel", "notice__alert__server")
        return [(row.channel.name, str(row.notice.alert.server) if row.notice.alert else "") for row in rows]

    web.report(now - 30, cpu=99)
    judge.step()
    telling.step(clock())
    assert told("escalated") == [("phone", "")]
    second.report(now - 25, cpu=99)
    judge.step()
    telling.step(clock() + timedelta(minutes=2))
    assert told("firing") == [(ops.name, "web-2")]
    Delivery.objects.update(state="sent", attempts=1)
    telling.step(clock() + timedelta(hours=5))
    assert sorted(told("repeat")) == [("ops", ""), ("phone", "")], "each hears of theirs that it goes on"
    Delivery.objects.update(state="sent", attempts=1)
    for one, mine in ((web, "phone"), (second, "ops")):
        one.report(now - 10, cpu=1)
        judge.step()
        telling.step(clock() + timedelta(hours=6))
        assert (mine, str(one.server)) in told("resolved")
        Delivery.objects.update(state="sent", attempts=1)
        telling.step(clock() + timedelta(days=2))
    assert sorted(told("repeat")) == [("ops", ""), ("ops", ""), ("phone", "")], "what is over does not go on"
    assert sorted(told("resolved")) == [("ops", "web-1"), ("ops", "web-2"), ("phone", "web-1")]


def test_whoever_sees_all_is_looked_up_once_however_many_servers_there_are(
    team: Team, person: Person, django_assert_max_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    maria, incident = person(first_name="Maria"), trouble(team)
    book = Book(clock())
    assert book.may_hear(maria.pk, incident, 0)
    with django_assert_max_num_queries(1):  # who is narrowed is asked again each second
        assert all(book.may_hear(maria.pk, incident, server) for server in range(50))
    assert not book.may_hear(maria.pk + 99, incident, 1)


def test_of_all_that_whom_it_calls_may_not_see_others_are_told(
    web: Machine, machine: Callable[..., Machine], team: Team, person: Person, judge: Judge, now: float
) -> None:
    """Each sees one server alone, and there is no default channel: who stands in for the first sees no second."""
    machines = {"Maria": web, "Ole": machine("web-2"), "Eva": machine("web-3")}
    for name, one in machines.items():
        user = person(first_name=name)
        way(user, hook(owner=user, name="phone"))
        Membership.objects.filter(user=user).update(selector=f"name:{one.server.name}")
    narrow.forget()
    followed = chain(team, {"kind": "person", "person": str(User.objects.get(first_name="Maria").uuid)})
    Rule.objects.create(
        team=team, name="hot", metric="cpu", critical=95, critical_recover=80, group_wait=0, group_interval=60,
        notify=[{"chain": str(followed.uuid)}],
    )  # fmt: skip
    for one in machines.values():
        one.report(now - 20, cpu=99)
    judge.step()
    telling.step(clock())
    assert Incident.objects.count() == 1
    assert sorted(heard("escalated")) == ["Eva", "Maria", "Ole"]
