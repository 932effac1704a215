"""The page of settings says what the code reads, no more and no less."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from monitor import env, reference

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"[A-Z]+(_[A-Z0-9]+)+")
HUB = [variable for section in reference.SECTIONS.values() for variable in section]
# Kinds of reading that know NAME_FILE.
NEEDS_FILE = {"secret", "password", "address", "database", "store", "push_key", "contact", "issuer"}


def calls() -> dict[str, str]:
    """Each variable that env.py reads, and by which method of its reader."""
    found = {}
    for node in ast.walk(ast.parse((ROOT / "monitor" / "env.py").read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and NAME.fullmatch(first.value):
                found[first.value] = node.func.attr
    return found


def names_in_env() -> set[str]:
    nodes = ast.walk(ast.parse((ROOT / "monitor" / "env.py").read_text()))
    strings = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in strings if NAME.fullmatch(text)}


def test_the_committed_page_is_what_the_code_prints(capsys: pytest.CaptureFixture[str]) -> None:
    reference.main()
    assert (ROOT / "docs" / "settings.md").read_text() == capsys.readouterr().out, (
        "Run: python -m monitor.reference > docs/settings.md"
    )


def test_every_variable_that_is_read_stands_in_the_table_once() -> None:
    assert sorted(variable.name for variable in HUB) == sorted(names_in_env())


def test_the_table_says_which_variables_may_come_from_a_file() -> None:
    read = calls()
    assert {variable.name for variable in HUB if variable.secret} == {
        name for name, how in read.items() if how in NEEDS_FILE
    }


def test_the_installer_reads_the_variables_of_a_watched_machine() -> None:
    script = (ROOT / "servers" / "install" / "install.sh").read_text()
    assert set(re.findall(r"\bWATCHKEEPER_[A-Z_]+", script)) == {variable.name for variable in reference.AGENT}


@pytest.mark.parametrize("variable", HUB, ids=lambda variable: variable.name)
def test_examples_are_values_that_are_taken(variable: reference.Variable, tmp_path: Path) -> None:
    value = variable.example
    if variable.name == "WATCHKEEPER_TLS":
        pair = [tmp_path / name for name in ("watch.pem", "watch.key")]
        for file in pair:
            file.touch()
        value = ",".join(map(str, pair))
    examples = {one.name: one.example for one in reference.SIGN_IN if one.name.endswith(("ISSUER", "CLIENT_ID"))}
    together = examples if variable in reference.SIGN_IN else {}  # a provider is known by both or by none
    env.read({**together, variable.name: value})
