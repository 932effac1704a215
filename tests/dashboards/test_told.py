"""Sentences kept in English are told in the reader's language, and a machine's own words stay."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

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


ROOT = Path(__file__).parents[2]
WRITTEN = [
    ROOT / "core/outgoing.py", ROOT / "checks/beats.py", ROOT / "agent/watchkeeper_agent/collectors/looking.py",
    *sorted((ROOT / "checks/kinds").glob("*.py")),
]  # fmt: skip


@pytest.mark.parametrize("file", WRITTEN, ids=lambda file: file.name)
def test_every_sentence_that_a_look_or_a_form_says_has_a_form(file: Path) -> None:
    with translation.override("da"):
        assert [text for text in sentences(file) if told(text) == text] == []


def sentences(file: Path) -> Iterator[str]:
    """What the code says, with a word for each part that it fills in."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    notes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr | ast.Constant) and id(node) not in notes | inside:
            text = spelled(node)
            if text.endswith(".") and text.count(" ") > 1:
                yield text


def spelled(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(map(spelled, node.values))
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    # The one part that is words: who leads where.
    return "shop is" if isinstance(node, ast.FormattedValue) and ast.unparse(node.value) == "leads" else "shop"


def test_a_line_of_the_ledger_is_told_with_what_was_found() -> None:
    with translation.override("da"):
        assert (
            told("Check Shop is down: It answers 503, not 200-299.")
            == "Tjek Shop er nede: Den svarer 503, ikke 200-299."
        )
