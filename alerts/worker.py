"""The service worker that shows web push; served from the root, so that it may stand for every page."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@require_safe
def push_worker(request: HttpRequest) -> HttpResponse:
    answer = HttpResponse(_script(), content_type="text/javascript; charset=utf-8")
    answer["Cache-Control"] = "no-cache"  # browsers compare it byte by byte and take the new one
    return answer


@cache
def _script() -> bytes:
    path = settings.ROOT / "static" / "push-worker.js"
    found: bytes = path.read_bytes()
    return found
