"""Sentences kept in English are told in the reader's language, and a machine's own words stay."""

from __future__ import annotations

import pytest
from django.utils import translation

from checks.kinds import Outcome
from checks.kinds.base import Task, registry
from dashboards.told import FORMS, told


@pytest.mark.parametrize(
    ("said", "danish"),
    [
        ("It answers 503, not 200-299.", "Den svarer 503, ikke 200-299."),
        ("It answers 200.", "Den svarer 200."),
        ("Its signal is late.", "Dets signal er forsinket."),
        ("It told that it failed with exit code 3.", "Det meldte, at det mislykkedes med afslutningskode 3."),
        ("a machine's own words", "a machine's own words"),
        ("", ""),
    ],
)
def test_what_is_kept_in_english_is_told_in_the_readers_language(said: str, danish: str) -> None:
    assert told(said) == said
    with translation.override("da"):
        assert told(said) == danish


def test_no_form_hides_another_that_is_more_exact() -> None:
    with translation.override("da"):
        for form in FORMS:
            text = form.replace("%%", "%")
            wanted = translation.gettext(form).replace("%%", "%")
            assert told(text) == wanted, form


def test_what_a_look_says_of_a_closed_port_is_known() -> None:
    found: Outcome = registry.get("tcp").look(Task("tcp", "127.0.0.1:9", {}, 1.0))
    with translation.override("pt-br"):
        assert told(found.said) != found.said
