"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest
from django.apps import apps
from django.db.models import Model

ROOT = Path(__file__).parents[1]
LAYERS: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0][
    "layers"
]
HEIGHT = {app.strip(): -row for row, line in enumerate(LAYERS) for app in line.split("|")}
SOURCES = [p for p in ROOT.glob("*/**/*.py") if "migrations" not in p.parts and ".venv" not in p.parts]


FACE = {"models", "services", "store", "base", "auth"}


def test_apps_meet_only_at_their_faces() -> None:
    """Another app may import our models, services, store, base or auth: the rest is ours to change."""
    for path in SOURCES:
        here = path.relative_to(ROOT).parts[0]
        if here in {"monitor", "tests"}:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                there, *inner = node.module.split(".")
                if there in HEIGHT and there not in {here, "core"}:
                    assert inner, f"{path}: import a module of {there}, not the package"
                    assert inner[-1] in FACE, f"{path}: {node.module} is private to {there}"


def test_every_app_has_a_layer() -> None:
    assert {p.parent.name for p in ROOT.glob("*/apps.py")} <= set(HEIGHT)


@pytest.mark.parametrize("model", apps.get_models(), ids=str)
def test_foreign_keys_point_down(model: type[Model]) -> None:
    """An import linter cannot see a model named in a string, or a reverse accessor; this can."""
    for field in model._meta.get_fields(include_hidden=True):
        target = getattr(field, "related_model", None)
        if field.concrete and target and {model._meta.app_label, target._meta.app_label} <= set(HEIGHT):
            assert HEIGHT[model._meta.app_label] >= HEIGHT[target._meta.app_label], f"{field} points up"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_size(path: Path) -> None:
    source = path.read_text()
    assert source.count("\n") <= 500, "Split this file by subject."
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 60, f"{node.name} is too long to read at once."
