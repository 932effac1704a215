"""The island tag: scripts from the manifest, safe first data, a clear word when the bundle is gone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.template import Context, Template
from django.template.loader import render_to_string

from accounts.models import User
from core.templatetags import ui

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = {
    "_shared.js": {"file": "assets/shared.1.js", "imports": ["_deep.js"], "css": ["assets/shared.1.css"]},
    "_deep.js": {"file": "assets/deep.1.js"},
    "src/fleet.tsx": {
        "file": "assets/fleet.1.js",
        "name": "fleet",
        "isEntry": True,
        "imports": ["_shared.js", "_deep.js"],
        "css": ["assets/fleet.1.css"],
    },
}


def show(source: str, **context: Any) -> str:
    return Template("{% load ui %}" + source).render(Context(context))


@pytest.fixture
def bundle(tmp_path: Path, settings: Any) -> Path:
    """A bundle of our own making in an empty tree."""
    settings.ROOT = tmp_path
    manifest = tmp_path / "static" / "dist" / ".vite" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps(MANIFEST))
    return manifest


def test_an_island_brings_its_module_what_it_imports_its_styles_and_a_place(bundle: Path) -> None:
    page = show('{% island "fleet" props %}', props={"now": 1})
    assert '<script type="module" src="/static/dist/assets/fleet.1.js"></script>' in page
    assert page.count('rel="modulepreload"') == 2
    assert re.findall(r'rel="stylesheet" href="([^"]+)"', page) == [
        "/static/dist/assets/fleet.1.css",
        "/static/dist/assets/shared.1.css",
    ]
    assert 'data-island="fleet"' in page
    assert "<noscript>" in page


def test_first_data_cannot_end_its_script_element(bundle: Path) -> None:
    page = show('{% island "fleet" props %}', props={"name": "</script><b>"})
    found = re.search(r'<script id="island-fleet" type="application/json">(.*?)</script>', page)
    assert found
    assert json.loads(found[1]) == {"name": "</script><b>"}
    assert "<b>" not in page


def test_a_missing_bundle_says_how_to_get_it_back(bundle: Path, settings: Any, tmp_path: Path) -> None:
    settings.ROOT = tmp_path / "elsewhere"
    with pytest.raises(ui.BundleMissing, match="git checkout static/dist"):
        show('{% island "fleet" props %}', props={})


def test_an_unknown_part_names_those_that_exist(bundle: Path) -> None:
    with pytest.raises(ui.BundleMissing, match=r'no part "flet" \(it has: fleet\)'):
        show('{% island "flet" props %}', props={})


def test_a_new_build_is_seen_at_once_only_while_debugging(bundle: Path, settings: Any) -> None:
    settings.DEBUG = False
    show('{% island "fleet" props %}', props={})
    bundle.write_text(bundle.read_text().replace("fleet.1.js", "fleet.2.js"))
    assert "fleet.1.js" in show('{% island "fleet" props %}', props={})
    settings.DEBUG = True
    assert "fleet.2.js" in show('{% island "fleet" props %}', props={})


def test_the_committed_bundle_holds_every_file_it_names() -> None:
    dist = ROOT / "static" / "dist"
    chunks = json.loads((dist / ".vite" / "manifest.json").read_text())
    files = {chunk["file"] for chunk in chunks.values()}
    files |= {name for chunk in chunks.values() for kind in ("css", "assets") for name in chunk.get(kind, [])}
    assert all((dist / name).is_file() for name in files)
    entries = {chunk["name"] for chunk in chunks.values() if chunk.get("isEntry")}
    pages = "".join(page.read_text() for page in (ROOT / "templates").rglob("*.html"))
    assert entries >= {"theme", "base", *re.findall(r'{% island "([a-z_]+)"', pages)}


def test_no_template_carries_a_script_or_a_style_of_its_own() -> None:
    for template in (ROOT / "templates").rglob("*.html"):
        # Programs that read mail know no style sheets; that is no page.
        mail = template.name == "email.html" or template.parent.name == "mail"
        script = r"<script(?![^>]*\ssrc=)|\son\w+=|\|safe"  # a file of ours is none of its own
        own = script if mail else rf"{script}|<style|\sstyle="
        assert not re.search(own, template.read_text()), template


@pytest.mark.parametrize("code", ["400", "403", "403_csrf", "404", "500"])
def test_error_pages_need_no_context_and_no_bundle(code: str, settings: Any, tmp_path: Path) -> None:
    settings.ROOT = tmp_path
    page = Template((ROOT / "templates" / f"{code}.html").read_text()).render(Context())
    assert '<link rel="stylesheet" href="/static/error.css">' in page
    assert '<a href="/">' in page


@pytest.mark.django_db
@pytest.mark.parametrize("staff", [False, True])
def test_the_navigation_names_what_exists_and_marks_where_one_is(staff: bool) -> None:
    user = User.objects.create_user("maria@example.org", is_staff=staff)
    page = render_to_string("base.html", {"user": user, "page": "incident"})
    assert ('href="/admin/"' in page) == staff
    marked = set(re.findall(r'href="([^"]+)"\s+aria-current="page"', page))
    assert marked == {"/alerts/"}
    assert page.count("maria@example.org") >= 2  # in the rail, and in the menu of a phone
