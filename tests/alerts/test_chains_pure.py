"""What a chain may say, and when its steps are due."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation

from alerts.chains import expand, faults

PERSON, ON_CALL, TEAM = {"kind": "person", "person": "p"}, {"kind": "on_call", "schedule": "s"}, {"kind": "team"}
WAIT = {"kind": "wait", "seconds": 300}


def test_waits_add_up_and_are_due_at_their_end() -> None:
    steps = expand([WAIT, PERSON, {"kind": "wait", "seconds": 900}, ON_CALL])
    assert [(one.place, one.kind, one.after) for one in steps] == [
        (0, "wait", 300), (1, "person", 300), (2, "wait", 1200), (3, "on_call", 1200),
    ]  # fmt: skip
    assert steps[1].args == {"person": "p"}


def test_a_repetition_is_written_out() -> None:
    steps = expand([PERSON, WAIT, {"kind": "repeat", "times": 2}])
    assert [(one.kind, one.after) for one in steps] == [
        ("person", 0), ("wait", 300), ("repeat", 300), ("person", 300), ("wait", 600), ("repeat", 600),
        ("person", 600), ("wait", 900),
    ]  # fmt: skip
    assert steps[2].args == {"time": 1, "times": 2}


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ("team", "at least one step"),
        ([], "at least one step"),
        ([TEAM] * 31, "30 steps"),
        ([{"kind": "pray"}], "Step 1: `kind` must be one of wait"),
        (["team"], "Step 1: `kind`"),
        ([{"kind": ["team"]}], "Step 1: `kind`"),
        ([{"kind": "person"}], "person needs `person`"),
        ([{"kind": "person", "person": 7}], "`person` must be an id"),
        ([{**TEAM, "secondss": 5}], "secondss is not known here; team takes important"),
        ([{**TEAM, "important": "yes"}], "true or false"),
        ([TEAM, {"kind": "wait", "seconds": 59}], "Step 2: `seconds` must be a whole number from 60 to 86400"),
        ([TEAM, {"kind": "wait", "seconds": 86401}], "from 60 to 86400"),
        ([TEAM, {"kind": "wait", "seconds": 60.5}], "from 60 to 86400"),
        ([TEAM, {"kind": "wait", "seconds": True}], "from 60 to 86400"),
        ([TEAM, WAIT, {"kind": "repeat", "times": 6}], "from 1 to 5"),
        ([TEAM, {"kind": "repeat", "times": 1}, WAIT], "must be the last step"),
        ([TEAM, {"kind": "repeat", "times": 1}], "needs a wait"),
        ([WAIT, {"kind": "raise"}], "Nobody is told by it"),
    ],
)
def test_a_wrong_chain_is_refused_in_words(steps: Any, words: str) -> None:
    found = faults(steps)
    assert found
    assert words in " ".join(found)


def test_a_right_chain_has_no_fault() -> None:
    important = {"kind": "person", "person": "p", "important": True}
    steps = [WAIT, important, {"kind": "raise"}, TEAM, {"kind": "channel", "channel": "c"}]
    assert faults([*steps, {"kind": "repeat", "times": 5}]) == []


def test_what_is_wrong_is_said_in_the_readers_language() -> None:
    with translation.override("da"):
        [said] = faults([{"kind": "wait", "seconds": 1}])
        assert said == "Trin 1: `seconds` skal være et helt tal fra 60 til 86400."
    with translation.override("pt-br"):
        assert faults([]) == ['Informe pelo menos um passo, como [{"kind": "team"}].']
