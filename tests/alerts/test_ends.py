"""Ends that no sample brings about: a rule or a server goes, somebody closes a trouble; and what chains do then."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Team, User
from alerts import services
from alerts.models import Alert, Chain, Incident, Notice, Step
from tests.alerts.stage import Stage

pytestmark = pytest.mark.django_db
NAMES = [f"web-{number}" for number in range(40)]


@pytest.fixture
def stage(team: Team) -> Stage:
    made = Stage(team)
    made.hook()
    return made


def test_a_rule_that_goes_ends_its_alerts_together_and_locks_incidents_before_them(stage: Stage) -> None:
    rule = stage.rule(group_by=["rule", "server"])
    stage.fire(rule, *NAMES)
    stage.at(1)
    with CaptureQueriesContext(connection) as asked:
        services.remove_rule(rule, stage.now)
    assert not Alert.objects.open().exists()
    assert len(asked) < 60, "a few questions for all of them, not a few for each"
    locks = [one["sql"] for one in asked if "FOR NO KEY UPDATE" in one["sql"]]
    if connection.vendor == "postgresql":
        assert 'OF "alerts_incident"' in locks[0]
    stage.after(120)
    assert [kind for _, kind in stage.kinds()].count("resolved") == len(NAMES)


def test_servers_that_go_end_their_alerts_together(stage: Stage) -> None:
    rule = stage.rule(group_by=["rule", "server"])
    stage.fire(rule, *NAMES)
    stage.at(1)
    with CaptureQueriesContext(connection) as asked:
        services.servers_removed([stage.server(name).pk for name in NAMES])
    assert len(asked) < 60


def test_what_is_closed_by_hand_before_anybody_was_told_is_never_told(
    stage: Stage, person: Callable[..., User]
) -> None:
    stage.fire(stage.rule(group_wait=30), "web-1")
    stage.at(10)
    services.close(Incident.objects.get(), stage.now, by=person())
    stage.at(300)
    assert stage.sent() == []
    assert stage.held() == ["it was over before its group was told"] * 2


def test_a_trouble_that_ends_and_comes_back_within_its_tick_is_escalated_on(
    stage: Stage, person: Callable[..., User]
) -> None:
    user = person()
    steps = [{"kind": "wait", "seconds": 80}, {"kind": "person", "person": str(user.uuid)}]
    chain = Chain.objects.create(team=stage.team, name="night", steps=steps)
    rule = stage.rule(notify=[{"chain": str(chain.uuid)}], group_interval=60)
    stage.fire(rule, "web-1")
    stage.at(75).end(rule, "web-1")
    stage.at(85).fire(rule, "web-1")
    stage.at(90)
    assert Incident.objects.count() == 1
    stage.at(200)
    assert not Step.objects.filter(done_at=None).exists()
    assert not Step.objects.filter(result__contains="over").exists()
    assert Notice.objects.filter(kind="escalated").count() == 1


def test_a_beginning_whose_server_went_is_told_to_whom_its_rule_names(stage: Stage) -> None:
    other = stage.hook("other", default=False)
    rule = stage.rule(notify=[{"channel": str(other.uuid)}], group_wait=0)
    stage.fire(rule, "web-1")
    services.servers_removed([stage.server("web-1").pk])
    stage.at(1)
    assert set(Notice.objects.values_list("deliveries__channel__name", flat=True)) == {"other"}
