"""What the benches hand to the product's shell as text names only what is there: nothing else looks into it."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCH = Path(__file__).parents[2] / "bench"


def texts() -> Iterator[Any]:
    """Programs in a bench's strings, with what is filled in as a name."""
    for path in sorted(BENCH.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\nfrom " in node.value:
                yield pytest.param(node.value, id=f"{path.stem}:{node.lineno}")


def imported(program: ast.Module) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node in ast.walk(program):
        if isinstance(node, ast.ImportFrom) and node.module:
            module = importlib.import_module(node.module)
            for one in node.names:
                found[one.asname or one.name] = getattr(module, one.name, None) or importlib.import_module(
                    f"{node.module}.{one.name}"
                )
    return found


@pytest.mark.parametrize("text", list(texts()))
def test_a_program_in_a_string_names_what_is_there(text: str) -> None:
    program = ast.parse(text.replace("{{", "{").replace("}}", "}").replace("!r}", "}"))
    names = imported(program)
    for node in ast.walk(program):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = names.get(node.value.id)
            assert not isinstance(owner, ModuleType) or hasattr(owner, node.attr), f"{node.value.id}.{node.attr}"


def test_such_programs_are_found() -> None:
    assert len(list(texts())) > 5
