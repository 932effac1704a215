"""Template tags of the interface: the built front end, islands with their first data, icons."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

from django import template
from django.conf import settings
from django.templatetags.static import PrefixNode
from django.utils.html import format_html, format_html_join, json_script
from django.utils.safestring import SafeString
from django.utils.translation import gettext

register = template.Library()

DIST = Path("static", "dist")
ICONS = {
    "grid": "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h6v6h-6z",
    "bell": "M6 9a6 6 0 0 1 12 0c0 6 2.5 7 2.5 7h-17S6 15 6 9M10 20a2.2 2.2 0 0 0 4 0",
    "plus": "M12 5v14M5 12h14",
    "cog": "M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4",
    "sun": "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2M12 20v2M2 12h2M20 12h2"
    "M5 5l1.500 1.500M17.500 17.500L19 19M19 5l-1.500 1.500M6.500 17.500L5 19",
    "key": "M8 11a4 4 0 1 0 0 8 4 4 0 0 0 0-8M11 12l8-8M16 7l3 3",
    "out": "M10 4H5v16h5M15 8l4 4-4 4M19 12H9",
    "alone": "M12 3L2.500 20h19zM12 10v4M12 17v.500",
    "check": "M5 12.500l4.500 4.500L19 7.500",
    "rule": "M4 18h4l4-12 4 8h4M4 11h16",
    "mute": "M6 9a6 6 0 0 1 9.500-4.900M18 10c0 5 2.500 6 2.500 6H8M10 20a2.200 2.200 0 0 0 4 0M3 3l18 18",
    "turn": "M12 7v5l3 2M4 12a8 8 0 1 0 2.500-5.800M4 4v4h4",
    "send": "M4 12L20 4l-5 16-4-6zM11 14l9-10",
    "list": "M8 6h12M8 12h12M8 18h12M4 6h.010M4 12h.010M4 18h.010",
    "file": "M14 3H6v18h12V7zM14 3v4h4",
    "more": "M5 12h.010M12 12h.010M19 12h.010",
    "lens": "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M16 16l5 5",
    "people": "M9 5a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7"
    "M2.500 20c.500-4 3-5.500 6.500-5.500s6 1.500 6.500 5.500"
    "M16 5.500a3.300 3.300 0 0 1 0 6.300M18 14.800c2 .700 3.200 2.400 3.500 5.200",
    "keyboard": "M3 7h18v10H3zM7 10.500h.010M11 10.500h.010M15 10.500h.010M8 14h8",
    "table": "M4 5h16v14H4zM4 10h16M10 10v9",
    "globe": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M3 12h18M12 3c-5 5-5 13 0 18M12 3c5 5 5 13 0 18",
    "heart": "M3 12h4l2-6 4 12 2-6h6",
    "mail": "M3 6h18v12H3zM3 7l9 7 9-7",
    "disk": "M4 6c0-3 16-3 16 0v12c0 3-16 3-16 0zM4 6c0 3 16 3 16 0M4 12c0 3 16 3 16 0",
    "person": "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M4 20c1-4 4-5 8-5s7 1 8 5",
}


class Chunk(TypedDict, total=False):
    """One entry of Vite's manifest, as far as we read it."""

    name: str
    file: str
    isEntry: bool
    imports: list[str]
    css: list[str]
    assets: list[str]


class BundleMissing(RuntimeError):
    """The built front end is not there, or lacks a part that a template names."""


def _read(path: Path) -> dict[str, Chunk]:
    chunks: dict[str, Chunk] = json.loads(path.read_text(encoding="utf-8"))
    return chunks


_remembered = lru_cache(maxsize=2)(_read)


def manifest() -> dict[str, Chunk]:
    """Vite's manifest, kept in memory; while debugging it is read anew, so that a new build is seen at once."""
    path = Path(settings.ROOT) / DIST / ".vite" / "manifest.json"
    try:
        return _read(path) if settings.DEBUG else _remembered(path)
    except FileNotFoundError as error:
        raise BundleMissing(
            f"The built front end is missing: {path}. It belongs to the repository; "
            'get it back with "git checkout static/dist" or build it with "npm ci && npm run build" in frontend/.'
        ) from error


def _entry(name: str) -> Chunk:
    for chunk in manifest().values():
        if chunk.get("isEntry") and chunk.get("name") == name:
            return chunk
    known = ", ".join(sorted(c["name"] for c in manifest().values() if c.get("isEntry")))
    raise BundleMissing(f'The built front end has no part "{name}" (it has: {known}). Build it in frontend/.')


def _with_imports(chunk: Chunk) -> Iterator[Chunk]:
    """The chunk and everything it imports, each once."""
    waiting, seen = [chunk], set[str]()
    while waiting:
        now = waiting.pop(0)
        if now["file"] in seen:
            continue
        seen.add(now["file"])
        yield now
        waiting.extend(manifest()[key] for key in now.get("imports", []))


def _address(file: str) -> str:
    # Not through the static storage: these names carry a hash already, and the modules import one another by them.
    return f"{PrefixNode.handle_simple('STATIC_URL')}dist/{file}"


def _links(chunk: Chunk) -> SafeString:
    chunks = list(_with_imports(chunk))
    styles = dict.fromkeys(_address(css) for part in chunks for css in part.get("css", []))
    modules = [_address(part["file"]) for part in chunks[1:]]
    return format_html(
        '{}{}<script type="module" src="{}"></script>',
        format_html_join("", '<link rel="stylesheet" href="{}">', ((style,) for style in styles)),
        format_html_join("", '<link rel="modulepreload" href="{}">', ((module,) for module in modules)),
        _address(chunk["file"]),
    )


@register.simple_tag
def theme_script() -> SafeString:
    """The small blocking script that sets dark or light before anything is painted."""
    return format_html('<script src="{}"></script>', _address(_entry("theme")["file"]))


@register.simple_tag
def base_assets() -> SafeString:
    """The style sheet and the module that every page has."""
    return _links(_entry("base"))


@register.simple_tag
def part(name: str) -> SafeString:
    """The style sheet and the module of a page that is not like the others."""
    return _links(_entry(name))


def addresses(name: str) -> list[str]:
    """Every file that an entry brings: scripts, style sheets, fonts."""
    chunks = list(_with_imports(_entry(name)))
    files = [file for one in chunks for file in (one["file"], *one.get("css", ()), *one.get("assets", ()))]
    return [_address(file) for file in dict.fromkeys(files)]


@register.simple_tag
def island(name: str, props: Mapping[str, object]) -> SafeString:
    """One interactive part: its scripts, its first data, and the place where it appears."""
    return format_html(
        '{}{}<div class="island" data-island="{}"><noscript><p class="hint">{}</p></noscript></div>',
        _links(_entry(name)),
        json_script(props, f"island-{name}"),
        name,
        gettext("This page shows live data and needs JavaScript. Switch it on and load the page again."),
    )


@register.filter
def loopback(host: str) -> bool:
    """Whether a host with or without port is this machine's own address, which no other machine reaches."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


@register.simple_tag
def icon(name: str) -> SafeString:
    """A drawn sign beside a word; it says nothing by itself."""
    return format_html(
        '<svg class="icon" width="17" height="17" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
        'stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">'
        '<path d="{}"></path></svg>',
        ICONS[name],
    )
