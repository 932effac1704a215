"""Kinds of rules beyond a plain limit: changes, the own past, per core, what the hub finds out itself, and faults."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from django.test import Client

from accounts.models import Team, User
from alerts import outlook, readings, validating
from alerts.defaults import DEFAULTS
from alerts.kinds import registry
from alerts.models import KINDS, Alert, Incident, Rule
from core.models import Lease
from metrics.described import SERIES
from servers.models import FactSheet, Server
from servers.services import own_version
from tests.alerts.simulated import START, Simulated, told

NAN = float("nan")


@pytest.fixture
def world(team: Team) -> Simulated:
    made = Simulated(team)
    made.server()
    made.turn()
    return made


def test_every_kind_a_rule_may_have_is_registered() -> None:
    assert sorted(registry) == sorted(KINDS)


@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [
        ("change", {"params": {"window": 5}}, "params"),
        ("past", {"params": {"against": "month"}}, "params"),
        ("threshold", {"params": {"per": "disks"}}, "params"),
        ("anomaly", {"metric": "cpu_used_percent"}, "metric"),
        ("forecast", {"metric": "cpu_used_percent", "op": "below"}, "metric"),
        ("forecast", {"metric": "forecast_seconds_left", "op": "above"}, "op"),
        ("no_data", {"params": {"severity": "bad"}}, "params"),
    ],
)
def test_what_a_kind_cannot_judge_is_said(kind: str, fields: dict[str, object], field: str) -> None:
    ((named, sentence),) = registry.get(kind).check(fields)
    assert (named, sentence[-1]) == (field, ".")


@pytest.mark.parametrize(
    ("percent", "expected"),
    [(False, [NAN] * 6 + [6.0, 6.0, 6.0]), (True, [NAN] * 6 + [60.0, 100 * 6 / 11, 50.0])],
)
def test_a_change_is_from_the_value_a_window_ago(*, percent: bool, expected: list[float]) -> None:
    times, values = 10_000 * np.arange(9), np.arange(10.0, 19.0)
    found = readings.over(readings.Change(60_000, percent=percent), times, values)
    np.testing.assert_allclose(found, expected)


def test_a_change_forgets_what_is_older_than_two_windows_and_hears_a_sample_twice() -> None:
    reading = readings.Change(60_000, percent=False)
    assert np.isnan([reading.take(0, 1), reading.take(200_000, 9)]).all()
    assert [reading.take(260_000, 10), reading.take(260_000, 10)] == [1.0, 1.0]


def test_a_change_over_several_rows_is_the_same_when_they_are_looked_at_again() -> None:
    reading = readings.Change(60_000, percent=False)
    rows = [(10_000 * number, float(number * number)) for number in range(40)]
    for at, value in rows[:35]:
        reading.take(at, value)
    first = [reading.take(at, value) for at, value in rows[35:]]
    assert [reading.take(at, value) for at, value in rows[35:]] == first
    assert first[0] == 35 * 35 - 29 * 29
    assert len(reading.kept) <= 2 * readings.STEPS + 2


def test_what_grows_fast_fires_also_after_a_restart(world: Simulated) -> None:
    world.rule(name="fills", kind="change", metric="spool", warn=50, params={"window": 60})
    world.run([0, 5, 10, 15, 20], metric="spool")
    Lease.objects.all().delete()
    world.killed()
    world.run([30, 40, 49, 59], metric="spool")
    assert told() == []
    world.run([71], metric="spool")
    assert told() == ["firing"]
    assert Alert.objects.get().value == 56


def test_the_usual_is_the_mean_of_the_same_time_on_days_before() -> None:
    day = 86_400_000
    times = np.arange(START, START + 8 * day, 300_000)
    values = np.where((times % day) < day // 2, 10.0, 50.0)
    usual = readings.usual_of(times, values, "day", 1_800_000)
    noon = (START // day + 8) * day + 7 * 3_600_000
    assert usual(noon) == 10.0
    assert usual(noon + 12 * 3_600_000 - 1) == pytest.approx(50.0)
    assert np.isnan(usual(START + day)), "one day is no custom"
    assert readings.Past(usual, percent=True).take(noon, 25) == 150


def test_what_is_usual_at_this_time_of_day_is_no_alert(world: Simulated) -> None:
    world.rule(name="odd", kind="past", metric="visits", warn=50, params={"against": "day", "window": 1800})
    for day in range(3):
        for minute in range(-10, 11, 5):
            world.at = 86_400 * day + 60 * minute + 43_200
            world.report(visits=1000 if minute < 4 else 900)
    world.turn()
    world.at = 86_400 * 3 + 43_200
    world.run([1000, 1200, 1400], metric="visits")
    assert told() == [], "a third more than usual"
    world.run([1600], metric="visits")
    assert told() == ["firing"]
    assert 60 < Alert.objects.get().value < 70


def test_load_is_held_against_the_cores_of_each_machine(world: Simulated) -> None:
    world.rule(name="load", metric="load1", warn=2, params={"per": "cores"})
    for name, threads in (("web-1", 2), ("big-1", 32), ("unknown-1", None)):
        server = world.server(name)
        if threads:
            FactSheet.objects.create(
                server=server, digest=name, at="2026-01-01T00:00Z", document={"cpu": {"threads": threads}}
            )
        world.report(name, load1=20)
    world.turn()
    alert = Alert.objects.get()
    assert (alert.server.name, alert.value) == ("web-1", 10.0)


def test_a_clock_that_is_off_and_an_old_agent_are_found_by_the_hub(world: Simulated) -> None:
    for rule in DEFAULTS:
        if rule.metric in {"clock_skew_seconds", "agent_outdated"}:
            world.rule(
                name=rule.name, metric=rule.metric, warn=rule.warn, warn_recover=rule.warn_recover, for_seconds=120
            )
    Server.objects.update(agent="0.0.1")
    world.server("exact-1", agent=own_version())
    for _ in range(30):
        world.report("web-1", ago=45, cpu=1)
        world.report("exact-1", cpu=1)
        world.turn()
        world.go(10)
    assert sorted(Alert.objects.values_list("server__name", "rule__metric", "state")) == [
        ("web-1", "agent_outdated", "firing"), ("web-1", "clock_skew_seconds", "firing"),
    ]  # fmt: skip


def test_what_a_machine_sends_late_says_nothing_of_its_clock(world: Simulated) -> None:
    world.rule(name="clock", metric="clock_skew_seconds", warn=30)
    Server.objects.update(agent="1.0.0")
    for step in range(20):
        world.report(cpu=1)
        world.report(ago=100 + step, cpu=1)  # its spool, beside what is fresh
        world.turn()
        world.go(10)
    assert told() == []


# What checks tell is calm by itself: down only after failed tries in a row, and a certificate ends on a known day.
TOLD_CALMLY = {"check_up", "check_certificate_seconds_left"}


@pytest.mark.parametrize("rule", DEFAULTS, ids=lambda rule: rule.name)
def test_a_default_rule_speaks_of_a_described_series(rule: Rule) -> None:
    assert rule.kind == "no_data" or rule.metric in SERIES
    fields = {"metric": rule.metric, "params": rule.params, "op": rule.op}
    assert registry.get(rule.kind).check(fields) == []
    calm = rule.kind == "no_data" or rule.metric in TOLD_CALMLY or rule.for_seconds >= 60
    assert calm or not rule.enabled


def test_a_new_team_begins_with_calm_rules(admin_client: Client) -> None:
    members = {f"memberships-{name}": 0 for name in ("TOTAL_FORMS", "INITIAL_FORMS")}
    assert admin_client.post("/admin/accounts/team/add/", {"name": "Night", **members}).status_code == 302
    made = Rule.objects.filter(team__name="Night")
    assert set(made.values_list("name", flat=True)) == {rule.name for rule in DEFAULTS}
    assert {rule.name: validating.faults(rule) for rule in made if validating.faults(rule)} == {}


def test_hours_left_are_a_straight_line_through_what_was() -> None:
    times = START + 60_000 * np.arange(120)
    assert outlook.left(times, 80 + np.arange(120) / 60, 100.0) == pytest.approx((100 - 80 - 119 / 60) * 3600)
    assert outlook.left(times, np.full(120, 80.0), 100.0) is None
    assert outlook.left(times, 90 - np.arange(120) / 60, 100.0) is None
    assert outlook.left(times[:5], np.arange(5.0), 100.0) is None


def test_a_rule_that_cannot_be_judged_says_so_once_and_keeps_what_it_began(
    world: Simulated, person: Callable[..., User]
) -> None:
    made = world.rule(warn=90, made_by=person())
    world.report(cpu=99)
    world.turn()
    Rule.objects.filter(pk=made.pk).update(selector="((")
    world.judge.rules_changed.set()
    world.go(30)
    made.refresh_from_db()
    assert "selector cannot be read" in made.fault
    assert (told(), world.states()) == (["firing", "firing"], ["error"])
    Rule.objects.filter(pk=made.pk).update(selector="")
    world.judge.rules_changed.set()
    world.report(cpu=50)
    world.go(30)
    made.refresh_from_db()
    assert (made.fault, world.states()) == ("", [])
    assert sorted(told()) == ["firing", "firing", "resolved", "resolved"]
    assert not Incident.objects.open().exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"metric": "cpu_usde"}, "ever told cpu_usde"),
        ({"metric": "cpu", "selector": "tag:none"}, "matches no server"),
        ({"metric": "cpu", "labels": {"mount": "/"}}, "ever told cpu"),
        ({"metric": "anomaly_score", "kind": "anomaly"}, ""),
        ({"metric": "cpu"}, ""),
    ],
)
def test_a_rule_that_watches_nothing_says_so_after_ten_minutes(
    world: Simulated,
    person: Callable[..., User],
    fields: dict[str, object],
    said: str,
) -> None:
    made = world.rule(warn=90, made_by=person(), **fields)
    world.report(cpu=1)
    world.turn()
    made.refresh_from_db()
    assert made.fault == ""
    world.at += made.changed_at.timestamp() - START / 1000 + 590
    world.judge.troubled.looked = float("-inf")
    world.go(5)
    made.refresh_from_db()
    assert made.fault == ""
    world.go(30)
    made.refresh_from_db()
    assert said in made.fault
    assert bool(said) == bool(made.fault)
    assert told() == (["firing"] if said else [])
