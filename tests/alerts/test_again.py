"""What the record says in the product's language, told again in the reader's."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation

from accounts.models import Team
from alerts import messages, services
from alerts.engine import Track
from alerts.messages import wording
from alerts.messages.said import Said
from alerts.models import Incident
from tests.alerts.stage import LIMITS, Stage

CPU = {
    "server": "worker-1", "rule": "CPU busy", "kind": "threshold", "metric": "cpu_used_percent", "labels": {},
    "op": "above", "params": {}, "value": 97.88, "limit": 95.0,
}  # fmt: skip

pytestmark = pytest.mark.django_db


def test_an_incident_is_called_by_its_facts_in_the_readers_language() -> None:
    row = Incident(title="worker-1: CPU used is above 95 %.", said=CPU)

    assert messages.title(row) == row.title
    with translation.override("da"):
        said = messages.title(row)
    assert said == "worker-1: CPU-forbrug er over 95 %."


def test_one_without_facts_keeps_its_words() -> None:
    with translation.override("da"):
        assert messages.title(Incident(title="Written by hand")) == "Written by hand"


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"rules": ["CPU busy"], "count": 1, "servers": 3}, "CPU busy em 3 servidores"),
        ({"rules": [], "count": 2, "servers": 3}, "2 regras em 3 servidores"),
        ({"rules": ["A", "B"], "count": 2, "servers": 1, "server": "web-1"}, "web-1: A e B"),
        ({"rules": ["A"], "count": 1, "servers": 1, "server": "web-1"}, "A em web-1"),
    ],
)
def test_several_alerts_are_counted_in_the_readers_language(said: dict[str, object], text: str) -> None:
    with translation.override("pt-br"):
        assert messages.title(Incident(title="in English", said=said)) == text


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("it is simulated", "den er simuleret"),
        ("silenced: nightly work", "alarmpause: nightly work"),
        ("Held: silenced: nightly work", "Holdt tilbage: alarmpause: nightly work"),
        (
            "Told Maria by SMS and mail (from 07:00, after quiet hours), on call in Ops.",
            "Maria via SMS og mail (fra kl. 07:00, efter hviletiden) fik besked og har vagten i Ops.",
        ),
        (
            "Nobody is on call in Ops: told the channel Red instead.",
            "Ingen har vagten i Ops: i stedet fik kanalen Red besked.",
        ),
        ("something else", "something else"),
    ],
)
def test_short_sentences_of_the_record_are_known_by_their_form(written: str, told: str) -> None:
    with translation.override("da"):
        assert messages.translated(written) == told


def test_what_an_incident_is_called_holds_no_number_that_is_another_a_minute_later(team: Team) -> None:
    stage = Stage(team)
    rule = stage.rule()
    stage.fire(rule, "web-1", value=97.88)
    assert Incident.objects.get().title == "web-1: CPU used is above 95 %."
    stage.at(5).fire(rule, "web-1", value=99.5)
    row = Incident.objects.get()
    assert row.title == "web-1: CPU used is above 95 %."
    with translation.override("pt-br"):
        assert messages.title(row) == "web-1: Uso de CPU está acima de 95 %."


def test_its_name_says_the_limit_that_is_passed_now(team: Team) -> None:
    stage = Stage(team)
    rule = stage.rule()
    stage.fire(rule, "web-1", value=99)
    at = int(stage.now.timestamp() * 1000)
    bad, mild = Track("firing", 2, at, None, at, 99), Track("firing", 1, at, None, at + 1000, 85)
    key = (rule.pk, stage.server("web-1").pk, stage.series.pk)
    services.apply([services.Change(key, bad, mild, LIMITS)], stage.now)
    row = Incident.objects.get()
    assert (row.severity, row.title) == ("warn", "web-1: CPU used is above 80 %.")


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"metric": "services_failed", "value": 3, "limit": 0}, "web-1: services have failed."),
        ({"op": "below", "value": 3, "limit": 5}, "web-1: CPU used is below 5 %."),
        ({"kind": "change", "value": 31, "limit": 20}, "web-1: CPU used rose by more than 20 % within 10 min."),
        (
            {"kind": "past", "value": -45, "limit": 30},
            "web-1: CPU used is more than 30 % below its usual at this time.",
        ),
        ({"kind": "anomaly", "metric": "anomaly_score", "value": 1.4, "limit": 1}, "web-1 behaves unusually."),
        ({"kind": "no_data", "metric": "silent_seconds", "value": 90, "limit": 60}, "web-1 does not report."),
    ],
)
def test_each_kind_of_rule_gives_a_name_that_lasts(facts: dict[str, Any], text: str) -> None:
    told = Said(server="web-1", rule="hot", **{"metric": "cpu_used_percent", **facts})
    assert wording.standing(told) == text
