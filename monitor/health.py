"""Is it alive, is it ready, and what has it done: for load balancers, scripts and Prometheus."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.auth import find_token
from alerts.delivery import tally
from alerts.models import Delivery, Incident
from core import shared
from core.clock import milliseconds
from core.guard import refusals
from core.models import Cursor
from ingest import writer
from metrics.behind import stuck
from metrics.latest import latest
from metrics.ready import ready
from metrics.retention import Kept, kept
from monitor.env import is_loopback
from monitor.lifespan import parts

STUCK = 30.0
MUCH_BEHIND = 6 * 3600.0
KEPT_EVERY = 600.0
PROXY_SAYS = {"Forwarded", "Via", "X-Real-Ip", "Cf-Connecting-Ip", "True-Client-Ip"}
"""Sizes are summed over every chunk there is; nobody needs them younger."""
TIER_NAMES = {0: "raw", 300: "5min", 3600: "hourly"}


class SignedIn(BasePermission):
    """The API's description is for everybody who has a login or a token."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return bool(request.user and request.user.is_authenticated)


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when data can come in and be judged; 503 with the part that fails."""
    said, notes = checks()
    failing = {name: fault for name, fault in said.items() if fault}
    body = {
        "status": "failing" if failing else "ok",
        "parts": {name: fault or "ok" for name, fault in said.items()},
        "notes": notes,
    }
    return JsonResponse(body, status=503 if failing else 200)


def checks() -> tuple[dict[str, str], dict[str, str]]:
    """Each part with its fault, or nothing; and notes on what is slow without being a fault."""
    said = {"database": _database(), "writer": _writer(), **_loops(), "broker": _broker()}
    notes, said["sealing"] = ({}, "") if said["database"] else _sealing()
    return said, notes


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return f"no answer: {error.__class__.__name__}"
    return ""


def _writer() -> str:
    held = writer.running()
    if held is None:
        return "not running"
    # Not for ever: a balancer that sends nothing here would never let us show that it works again.
    return "the last commit failed" if held.counters.last_failed(STUCK) else ""


def _loops() -> dict[str, str]:
    found = {}
    for name, loop in parts.loops.items():
        idle = time.monotonic() - loop.turned
        if not loop.is_alive():
            found[name] = "ended"
        else:
            found[name] = f"no step for {idle:.0f} s" if idle > STUCK else ""
    if settings.EMBEDDED:
        found["scheduler"] = "" if parts.beat and parts.beat.is_alive() else "not running"
    return found


def _sealing() -> tuple[dict[str, str], str]:
    """Readers of the journal that hold it up: worth a note, and a fault once it has hours in it."""
    try:
        behind = stuck(milliseconds())
    except DatabaseError as error:
        return {}, f"no answer: {error.__class__.__name__}"
    notes = {name: f"has not read the journal for {seconds:.0f} s" for name, seconds in behind.items()}
    worst = max(behind, key=lambda name: behind[name], default="")
    return notes, f"{worst} {notes[worst]}" if worst and behind[worst] > MUCH_BEHIND else ""


def _broker() -> str:
    if settings.EMBEDDED:
        return "" if parts.worker and parts.worker.is_alive() else "not running"
    try:
        shared.redis().ping()
    except shared.ERRORS as error:
        return f"no answer: {error.__class__.__name__}"
    return ""


class Holding:
    """How far back each tier really goes, and its bytes; asked of the database now and then."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.read_at = float("-inf")
        self.tiers: Sequence[Kept] = ()

    def read(self) -> Sequence[Kept]:
        with self.lock:
            if time.monotonic() - self.read_at > KEPT_EVERY:
                self.tiers, self.read_at = kept(), time.monotonic()
            return self.tiers


holding = Holding()


class Ourselves(Collector):
    """Figures about the product itself, read at the moment they are asked for."""

    def collect(self) -> Any:
        held = writer.running()
        if held:
            done = held.counters
            yield _counter("posts", "Posts taken in", done.posts)
            yield _counter("samples", "Samples stored", done.samples)
            yield _counter("repeats", "Posts that were repeats", done.repeats)
            yield _counter("commit_groups", "Commits of the journal", done.groups)
            yield _counter("commit_failures", "Commits that failed", done.failures)
            yield _gauge("posts_waiting", "Posts waiting for the writer", held.waiting.qsize())
        refused = CounterMetricFamily("watchkeeper_refused", "Requests refused by the guard", labels=["kind"])
        for kind, count in refusals.items():
            refused.add_metric([kind], count)
        yield refused
        yield _counter("deliveries_sent", "Messages delivered", tally.sent)
        yield _counter("deliveries_failed", "Tries that failed", tally.failed)
        yield _gauge("servers", "Servers heard of", len(latest.rows))
        yield _gauge("ready_bytes", "Bytes of answers about all servers that are kept ready", ready.bytes)
        yield _gauge("incidents_open", "Open incidents", Incident.objects.open().count())
        yield _gauge("deliveries_waiting", "Messages waiting", Delivery.objects.filter(state="waiting").count())
        yield _gauge("deliveries_dead", "Messages given up", Delivery.objects.filter(state="dead").count())
        yield _lost()
        yield from _kept()


def _lost() -> CounterMetricFamily:
    lost = CounterMetricFamily("watchkeeper_rows_unread", "Rows of the journal given up unread", labels=["reader"])
    for name, rows in Cursor.objects.filter(may_lose=True).order_by("name").values_list("name", "lost"):
        lost.add_metric([name], rows)
    return lost


def _kept() -> Iterator[GaugeMetricFamily]:
    held = GaugeMetricFamily("watchkeeper_kept_bytes", "Bytes of samples, packed", labels=["tier"])
    since = GaugeMetricFamily("watchkeeper_kept_since_seconds", "Unix time of the oldest kept", labels=["tier"])
    for tier in holding.read():
        held.add_metric([TIER_NAMES[tier.tier]], tier.bytes)
        if tier.oldest is not None:
            since.add_metric([TIER_NAMES[tier.tier]], tier.oldest / 1000)
    yield held
    yield since


def _counter(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"watchkeeper_{name}", text, value)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"watchkeeper_{name}", text, value)


_own = CollectorRegistry(auto_describe=False)
_own.register(Ourselves())


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text; for a token, or for whoever is on this very machine with no proxy between."""
    if not _may_scrape(request):
        detail = "Send an API token: Authorization: Bearer wkt_…"
        response: HttpResponse = JsonResponse({"error": "unauthorized", "detail": detail}, status=401)
        response["WWW-Authenticate"] = "Bearer"
        return response
    text = generate_latest(_own) + generate_latest(REGISTRY)
    return HttpResponse(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def _may_scrape(request: HttpRequest) -> bool:
    kind, _, clear = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        token = find_token(clear.strip())
        return token is not None and token.allows("metrics", write=False)
    return is_loopback(cast("str", request.META.get("REMOTE_ADDR", ""))) and not _proxied(request)


def _proxied(request: HttpRequest) -> bool:
    """Whether a proxy may stand between: what comes through one on this machine comes from loopback, too.

    Some proxies say nothing in a header; that there is one shows in the settings, or in an address that is not ours.
    """
    if any(name.title().startswith("X-Forwarded-") or name.title() in PROXY_SAYS for name in request.headers):
        return True
    return bool(settings.ENV.trusted_proxies) or (settings.ENV.loopback and not is_loopback(_public_host()))


def _public_host() -> str:
    return urlsplit(settings.SITE_URL).hostname or ""
