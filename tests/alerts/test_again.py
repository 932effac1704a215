"""What the record says in the product's language, told again in the reader's."""

from __future__ import annotations

import pytest
from django.utils import translation

from alerts import messages
from alerts.models import Incident

CPU = {
    "server": "worker-1", "rule": "CPU busy", "kind": "threshold", "metric": "cpu_used_percent", "labels": {},
    "op": "above", "params": {}, "value": 97.88, "limit": 95.0,
}  # fmt: skip


def test_an_incident_is_called_by_its_facts_in_the_readers_language() -> None:
    row = Incident(title="worker-1: CPU used is 97.88 %, above 95 %.", said=CPU)

    assert messages.title(row) == row.title
    with translation.override("da"):
        said = messages.title(row)
    assert "97,9 %" in said, "the digits of the pages"
    assert "above" not in said


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
