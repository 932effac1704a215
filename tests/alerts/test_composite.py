"""Rules over rules: judged after the others, in the same turn; conditions by table."""

from __future__ import annotations

from uuid import UUID

import pytest

from accounts.models import Team
from alerts import logic
from alerts.kinds import registry
from tests.alerts.simulated import Simulated

A, B, C = (UUID(int=number) for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("text", "firing", "holds"),
    [
        (f"{A}", {A}, True),
        (f"{A} and {B}", {A}, False),
        (f"{A} and ({B} or not {C})", {A}, True),
        (f"{A} and ({B} or not {C})", {A, C}, False),
        (f"{A} or {B} and {C}", {A}, True),
        (f"not {A}", set(), True),
    ],
)
def test_conditions(text: str, firing: set[UUID], *, holds: bool) -> None:
    assert logic.parse(text).holds(firing) is holds


@pytest.mark.parametrize("text", ["", "cpu", f"{A} {B}", f"({A}", f"{A} and", "not", "(" * 30 + str(A) + ")" * 30])
def test_what_is_no_condition_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(logic.Unreadable, match=r"\.$"):
        logic.parse(text)


def test_it_fires_with_the_second_and_ends_with_the_first_of_them(team: Team) -> None:
    world = Simulated(team)
    hot = world.rule(name="hot", metric="cpu", warn=90)
    full = world.rule(name="full", metric="memory", warn=90)
    both = world.rule(name="both", kind="composite", metric="", params={"rules": f"{hot.uuid} and {full.uuid}"})
    world.server()
    world.report(cpu=99, memory=50)
    world.turn()
    assert not both.alert_set.exists()
    world.at += 1
    world.report(cpu=99, memory=99)
    world.turn()
    (alert,) = both.alert_set.all()
    assert (alert.state, alert.severity, alert.series.metric) == ("firing", "critical", "condition")
    world.at += 9
    world.report(cpu=50, memory=99)
    world.turn()
    alert.refresh_from_db()
    assert alert.resolved_at


def test_it_may_say_what_must_not_be_so(team: Team) -> None:
    world = Simulated(team)
    hot = world.rule(name="hot", metric="cpu", warn=90)
    backup = world.rule(name="backup", metric="backup", warn=0.5)
    alone = world.rule(
        name="alone", kind="composite", metric="", params={"rules": f"{hot.uuid} and not {backup.uuid}"}
    )
    world.server()
    world.report(cpu=99, backup=1)
    world.turn()
    world.go(10)
    assert not alone.alert_set.exists()
    world.report(cpu=99, backup=0)
    world.turn()
    assert alone.alert_set.get().state == "firing"


def test_it_names_rules_of_its_team_and_no_other_composites(team: Team, other_team: Team) -> None:
    world = Simulated(team)
    mine = world.rule(name="mine", warn=1)
    joined = world.rule(name="joined", kind="composite", params={"rules": str(mine.uuid)})
    check = registry.get("composite").check
    assert check({"params": {"rules": str(mine.uuid)}, "team": team}) == []
    for params, team_, said in (
        ({"rules": str(mine.uuid)}, other_team, "no rule of this team"),
        ({"rules": str(joined.uuid)}, team, "name those instead"),
        ({"rules": "x"}, team, "no id"),
        ({}, team, "rules"),
        ({"rules": str(mine.uuid), "for": 1}, team, "Known here"),
    ):
        ((field, sentence),) = check({"params": params, "team": team_})
        assert field == "params"
        assert said in sentence
