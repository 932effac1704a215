"""Every text that a page's scripts name comes with that page, and the front end knows the same keys."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.conf import settings

from dashboards import words

SOURCES = Path(settings.ROOT, "frontend", "src")
FROM = re.compile(r"""(?:from|import\() ?'(\.[^']+)'""")
LITERAL = re.compile(r"""['`]([\w-]+(?:\.[\w-]+)+\.?)(?:['`]|\$\{)""")


def _sources(path: Path, seen: set[Path]) -> set[Path]:
    """A script and all it imports."""
    if path in seen or not path.exists():
        return seen
    seen.add(path)
    for name in FROM.findall(path.read_text()):
        near = (path.parent / name).resolve()
        for end in (".ts", ".tsx", "/index.ts"):
            _sources(Path(f"{near}{end}"), seen)
    return seen


def _named(page: str, all_keys: set[str]) -> set[str]:
    found: set[str] = set()
    for path in _sources(SOURCES / "islands" / page / "main.tsx", set()):
        for text in LITERAL.findall(path.read_text()):
            if text in all_keys:
                found.add(text)
            elif f"{text}.other" in all_keys:
                found.add(f"{text}.other")
            elif text.endswith("."):
                found |= {key for key in all_keys if key.startswith(text)}
    return found


@pytest.mark.parametrize("page", sorted(words.PAGES))
def test_a_page_brings_every_text_its_scripts_name(page: str) -> None:
    named = _named(page, set(words.english()))
    assert named, f"no script of {page} was found"
    assert sorted(named - set(words.texts(page))) == []


def test_the_front_end_knows_these_texts() -> None:
    written = json.loads((SOURCES / "words" / "en.json").read_text())
    assert written == words.english(), "Run: python -m dashboards.words > frontend/src/words/en.json"
