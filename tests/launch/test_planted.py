"""The checkers catch what they are there for: five planted faults, each in a copy of the tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent
LEFT_OUT = shutil.ignore_patterns("__pycache__", "node_modules", ".*_cache", "dist")
FOLDERS = (
    "monitor",
    "core",
    "accounts",
    "servers",
    "metrics",
    "ingest",
    "ml",
    "checks",
    "alerts",
    "dashboards",
    "reports",
    "agent",
    "templates",
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=LEFT_OUT)
    for name in (
        "pyproject.toml",
        ".djlint_rules.yaml",
        "tests/__init__.py",
        "tests/services.py",
        "tests/workers.py",
        "tests/test_house.py",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    return tmp_path


def found(tree: Path, *words: str | Path) -> str:
    """What a checker says when it finds something; that it finds nothing is the failure."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "TESTS_"))}
    env = {**outside, "PYTHONPATH": str(tree / "agent")}
    done = subprocess.run(words, cwd=tree, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout + done.stderr


def plant(file: Path, text: str) -> None:
    with file.open("a") as out:
        out.write(text)


def test_an_import_upwards_and_an_engine_with_django_are_caught(tree: Path) -> None:
    plant(tree / "servers" / "services.py", "\nfrom alerts import models as planted\n")
    plant(tree / "alerts" / "engine.py", "\nfrom django.conf import settings as planted\n")
    said = found(tree, TOOLS / "lint-imports", "--no-cache")
    assert "Apps are layered, without circles BROKEN" in said
    assert "Engines are pure: no Django BROKEN" in said
    assert "servers.services -> alerts.models" in said
    assert "alerts.engine -> django" in said


def test_a_function_of_seventy_lines_is_caught(tree: Path) -> None:
    body = "".join(f"    number = {number}\n" for number in range(70))
    (tree / "core" / "planted.py").write_text(f'"""Planted."""\n\n\ndef long() -> None:\n{body}')
    said = found(tree, sys.executable, "-m", "pytest", "tests/test_house.py", "-k", "short_enough")
    assert "core/planted.py: long is too long to read at once" in said


def test_a_type_error_is_caught(tree: Path) -> None:
    (tree / "core" / "planted.py").write_text('"""Planted."""\n\n\ndef age() -> int:\n    return "old"\n')
    # The checker's own settings; only the plug-in for models is left out, which would read the whole tree.
    settings = "".join(
        line
        for line in (tree / "pyproject.toml").read_text().splitlines(keepends=True)
        if not line.startswith("plugins =")
    )
    (tree / "pyproject.toml").write_text(settings)
    said = found(tree, TOOLS / "mypy", "--follow-imports=skip", "core/planted.py")
    assert 'core/planted.py:5: error: Incompatible return value type (got "str", expected "int")' in said


def test_escaping_that_is_switched_off_is_caught(tree: Path) -> None:
    (tree / "templates" / "planted.html").write_text("<p>{{ server.name|safe }}</p>\n")
    said = found(tree, TOOLS / "djlint", "templates", "--lint")
    assert "planted.html" in said
    assert "W001" in said
