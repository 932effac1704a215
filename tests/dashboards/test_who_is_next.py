"""What the page of an incident says comes next while nobody has it: to whom, and whether anybody else is called."""

from __future__ import annotations

import pytest

from accounts.models import Team
from alerts.models import Chain, Channel, Incident, Rule
from dashboards.alerting.incidents import coming
from tests.alerts.stage import Stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage(team: Team) -> Stage:
    return Stage(team)


def said(incident: Incident) -> tuple[list[str], str]:
    found = coming(incident)
    return found["to"], found["rest"]


def test_it_names_whom_it_tells_again_and_that_no_chain_calls_others(stage: Stage, team: Team) -> None:
    stage.hook()
    rule = stage.rule()
    stage.fire(rule, "web-1")
    incident = Incident.objects.get()
    names = list(Channel.objects.filter(team=team).values_list("name", flat=True))
    assert said(incident) == (names, "noChain")
    Chain.objects.create(team=team, name="Night", default=True, steps=[])
    assert said(incident) == ([], "")
    Chain.objects.all().delete()
    Channel.objects.update(enabled=False)
    assert said(incident) == ([], "nobody")
    other = Channel.objects.create(team=team, name="Ops", kind="webhook", default=False)
    Rule.objects.update(notify=[{"channel": str(other.uuid)}])
    assert said(Incident.objects.get()) == (["Ops"], "noChain")


def test_of_what_is_simulated_it_says_that_nobody_is_told(stage: Stage) -> None:
    stage.hook()
    stage.server("demo-1", demo=True)
    stage.fire(stage.rule(), "demo-1")
    assert coming(Incident.objects.get())["rest"] == "simulated"
