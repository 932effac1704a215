"""The manifest, the service worker, the page shown without a line, and the snapshot that page shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from alerts.models import Incident
from alerts.services import said
from core.clock import now
from core.templatetags import ui
from dashboards import present
from dashboards.templatetags.times import face
from servers.models import Server

MOST = 300
OPEN_SHOWN = 50
COLOURS = {"dark": "#0a0c10", "light": "#f6f7f9"}
SIZES = (192, 512)
PURPOSES = (("", "any"), ("-maskable", "maskable"))
RANK = {"crit": 0, "off": 1, "warn": 2, "info": 4}
# What every page needs, and the page without a line: fetched once, kept by their hashed names.
KEPT = ("theme", "base", "offline", "fleet", "alerts")


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    icons = [_icon(size, kind, purpose) for size in SIZES for kind, purpose in PURPOSES]
    body = {
        "id": "/",
        "name": "Watchkeeper",
        "short_name": "Watchkeeper",
        "description": _("Servers, alerts and what to do about them."),
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": COLOURS["dark"],
        "theme_color": COLOURS["dark"],
        "icons": icons,
        "shortcuts": [
            {"name": _("Alerts"), "url": "/alerts/"},
            {"name": _("On call"), "url": "/on-call/"},
        ],
    }  # fmt: skip
    answer = HttpResponse(json.dumps(body), content_type="application/manifest+json")
    answer["Cache-Control"] = "no-cache"
    return answer


def _icon(size: int, kind: str, purpose: str) -> dict[str, str]:
    place = static(f"img/icon-{size}{kind}.png")
    return {"src": place, "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The one worker of this address, with the list of what it keeps; a new bundle is a new worker."""
    answer = HttpResponse(_script(tuple(_files())), content_type="text/javascript; charset=utf-8")
    answer["Cache-Control"] = "no-cache"  # browsers compare it byte by byte and take the new one
    return answer


def _files() -> Iterator[str]:
    seen = set[str]()
    for name in KEPT:
        for address in ui.addresses(name):
            if address not in seen:
                seen.add(address)
                yield address
    yield static("img/watchkeeper.svg")


@lru_cache(maxsize=2)
def _script(files: tuple[str, ...]) -> str:
    text = (settings.ROOT / "static" / "worker.js").read_text(encoding="utf-8")
    version = sha256("\n".join([*files, text]).encode()).hexdigest()[:12]
    return f"const VERSION = {json.dumps(version)};\nconst FILES = {json.dumps(files)};\n{text}"


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """Says that the line is gone and shows the snapshot; it holds nothing of anybody, so that it may be kept."""
    return render(request, "dashboards/offline.html", {"page": "offline"})


@login_required
@require_safe
def snapshot(request: HttpRequest) -> HttpResponse:
    """Names, states and three numbers of each server, the worst first: what the browser keeps for a lost line."""
    mine = Server.objects.visible_to(request.user).select_related("team")
    shown = [_kept(one) for one in present.servers(list(mine.order_by("name")[: MOST * 4]))]
    shown.sort(key=lambda one: RANK.get(one["tone"], 9))
    open_ = Incident.objects.visible_to(request.user).open().order_by("-opened_at")[:OPEN_SHOWN]
    body = {
        "at": now().timestamp(),
        "count": mine.count(),
        "servers": shown[:MOST],
        "incidents": [_open(one) for one in open_],
    }
    return JsonResponse(body)


def _open(one: Incident) -> dict[str, Any]:
    url = f"/incidents/{one.uuid}/"
    return {"title": said.title(one), "severity": one.severity, "since": one.opened_at.timestamp(), "url": url}


def _kept(one: dict[str, Any]) -> dict[str, Any]:
    tone, word = face(one)
    return {"tone": tone, "word": word} | {name: one[name] for name in ("name", "url", "cpu", "memory", "disk")}
