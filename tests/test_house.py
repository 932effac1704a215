"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.base import TeamOwned
from accounts.services import RESOURCES
from core.team_admin import TeamAdmin

ROOT = Path(__file__).parents[1]
CONFIG: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LAYERS: list[str] = CONFIG["tool"]["importlinter"]["contracts"][0]["layers"]
HEIGHT = {app.strip(" ()"): -row for row, line in enumerate(LAYERS) for app in line.split("|")}
OUTSIDE = {"migrations", ".venv", "node_modules", "static", "var", "build", ".cache"}
SOURCES = sorted(p for p in ROOT.glob("*/**/*.py") if not OUTSIDE & set(p.relative_to(ROOT).parts))
PRODUCT = [p for p in SOURCES if p.relative_to(ROOT).parts[0] in HEIGHT]
FACE = {"models", "services", "store", "journal", "base", "auth"}
REQUEST_FACING = {"api", "views", "consumers", "admin", "topics"}
ANSWERING = [p for p in PRODUCT if REQUEST_FACING & set(p.with_suffix("").parts)]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def test_apps_meet_only_at_their_faces() -> None:
    """Another app may import our models, services, store, journal, base or auth: the rest is ours to change."""
    for path in PRODUCT:
        here = path.relative_to(ROOT).parts[0]
        for node in ast.walk(tree(path)):
            if here != "monitor" and isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                there, *inner = node.module.split(".")
                if there in HEIGHT and there not in {here, "core"}:
                    inner = inner or [alias.name for alias in node.names]
                    assert inner[-1] in FACE, f"{path}: {node.module} is private to {there}"


def test_every_app_has_a_floor() -> None:
    assert {p.parent.name for p in ROOT.glob("*/apps.py")} <= set(HEIGHT)


def test_foreign_keys_point_down() -> None:
    """An import linter cannot see a model named in a string, or a reverse accessor; this can."""
    faults = [
        fault for model in apps.get_models() for field in foreign_keys(model) for fault in upwards(model, field)
    ]
    assert not faults, "\n".join(faults)


def foreign_keys(model: type[Model]) -> Iterator[Any]:
    """Its fields that lead to a model of ours."""
    for field in model._meta.get_fields(include_hidden=True):
        target = getattr(field, "related_model", None)
        if field.concrete and target and {model._meta.app_label, target._meta.app_label} <= set(HEIGHT):
            yield field


def upwards(model: type[Model], field: Any) -> Iterator[str]:
    here, there = model._meta.app_label, field.related_model._meta.app_label
    if HEIGHT[here] < HEIGHT[there]:
        yield f"{field} points up"
    if here != there and not (field.remote_field is not None and field.remote_field.hidden):
        yield f'{field} gives the lower app an accessor: related_name="+"'


def test_files_and_functions_are_short_enough_to_read() -> None:
    faults = [f"{name(path)}: {fault}" for path in SOURCES for fault in too_long(path)]
    assert not faults, "\n".join(faults)


def too_long(path: Path) -> Iterator[str]:
    if path.read_text().count("\n") > 500:
        yield "Split this file by subject."
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            if node.end_lineno - node.lineno >= 60:
                yield f"{node.name} is too long to read at once."


def test_every_module_says_what_it_is_for() -> None:
    """It starts with one sentence."""
    assert not [name(path) for path in SOURCES if tree(path).body and not ast.get_docstring(tree(path))]


@cache
def owned() -> dict[str, type[Model]]:
    return {m.__name__: m for m in apps.get_models() if isinstance(m._default_manager.all(), TeamOwned)}


def test_queries_for_people_start_at_what_they_may_see() -> None:
    """In code that answers requests, a team-owned model is asked by `.visible_to(user)` first."""
    faults = [fault for path in ANSWERING for fault in starts_elsewhere(path)]
    assert not faults, "\n".join(faults)


def starts_elsewhere(path: Path) -> Iterator[str]:
    names = owned()
    parents = {child: node for node in ast.walk(tree(path)) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree(path)):
        if not (isinstance(node, ast.Attribute) and node.attr in {"objects", "_default_manager"}):
            continue
        if isinstance(node.value, ast.Name) and node.value.id in names:
            after = parents[node]
            first = after.attr if isinstance(after, ast.Attribute) else "nothing"
            if first not in {"visible_to", "none", *ALLOWED.get(name(path), ())}:
                yield f"{name(path)}:{node.lineno} starts at {node.value.id}.{first}"


# A fact sheet is asked by a server that was itself found by visible_to.
ALLOWED = {"dashboards/views.py": {"filter"}, "dashboards/api.py": {"filter"}}


def test_no_short_cut_takes_a_model_as_it_is() -> None:
    faults = [f"{name(path)}:{line}" for path in ANSWERING for line in short_cuts(path)]
    assert not faults, "\n".join(faults)


def short_cuts(path: Path) -> Iterator[int]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.startswith("get_object"):
            taken = node.args[0]
            if isinstance(taken, ast.Name) and taken.id in owned():
                yield node.lineno


def test_every_team_owned_model_can_be_asked_what_a_person_may_see() -> None:
    """Whatever leads to a team by a foreign key has the one way in."""
    for model in apps.get_models():
        fields = {field.name for field in model._meta.get_fields() if field.concrete}
        if (
            model._meta.app_label in HEIGHT
            and fields & {"team", "server", "incident"}
            and model.__name__ not in INNER
        ):
            assert hasattr(model._default_manager, "visible_to"), f"{model.__name__} has no visible_to"


# Tables of the store: reached by server ids that were found by visible_to.
INNER = {"JournalRow", "Accepted", "Latest", "Chunk", "Uses"}


def test_the_admin_shows_teams_what_is_theirs() -> None:
    for model, page in admin.site._registry.items():
        if model in owned().values():
            assert isinstance(page, TeamAdmin), f"{page} shows all teams to everybody"


def addresses(patterns: Any = None, before: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += addresses(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            found.append((path, pattern.callback))
    return found


def test_every_api_view_declares_what_it_takes() -> None:
    """A view that declares nothing lets nobody in; one that means everybody says so."""
    for path, callback in addresses():
        view = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
        if view is None or not path.startswith("api/") or path in OPEN:
            continue
        assert getattr(view, "verbs", None), f"{path} declares no verbs"
        no_token = set(view.verbs) <= set(getattr(view, "in_person", ()))  # so no scope of one opens it
        assert no_token or getattr(view, "resource", None) in RESOURCES, f"{path} declares no known resource"


OPEN = {
    "api/v1/enrol", "api/v1/ingest", "api/v1/orders", "api/v1/agent/key", "api/v1/schema", "api/v1/acknowledge",
}  # fmt: skip


def test_pages_carry_no_inline_script_or_style() -> None:
    """The content policy refuses them, so they would only fail in the browser."""
    for page in (ROOT / "templates").rglob("*.html"):
        if page.name == "email.html" or page.parent.name == "mail":
            continue  # programs that show mails know nothing else; no page of ours includes these
        text = page.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|\|\s*safe\b", text), name(page)


def test_lock_files_name_no_download_address() -> None:
    for lock in ROOT.glob("requirements/*.lock"):
        assert "://" not in lock.read_text(), lock
    assert '"resolved"' not in (ROOT / "frontend/package-lock.json").read_text()
