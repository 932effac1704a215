"""Health addresses: alive, ready with the part that fails, and figures for who may read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from core.clock import milliseconds
from core.models import Cursor
from metrics.models import JournalRow
from monitor import health

pytestmark = pytest.mark.django_db


def test_it_is_alive_without_a_database_question(django_assert_num_queries: Callable[..., object]) -> None:
    with django_assert_num_queries(0):  # type: ignore[attr-defined]
        assert Client().get("/healthz").json() == {"status": "ok"}


def test_it_is_not_ready_while_nothing_takes_data_in() -> None:
    reply = Client().get("/readyz")
    assert reply.status_code == 503
    assert (reply.json()["status"], reply.json()["parts"]["database"]) == ("failing", "ok")
    assert reply.json()["parts"]["writer"] != "ok"


AT = 1_700_000_000_000
ROW: dict[str, Any] = {"server_id": 1, "layout_id": 1, "start": AT, "end": AT, "rows": b""}


def parts(at: int) -> tuple[dict[str, str], dict[str, str]]:
    """With a reader that has left a row of then unread."""
    Cursor.objects.update_or_create(name="rules", defaults={"place": 0})
    JournalRow.objects.all().delete()
    JournalRow.objects.create(**ROW, received=at)
    told = Client().get("/readyz").json()
    return told["parts"], told["notes"]


def test_a_reader_that_holds_the_journal_up_is_noted_and_much_later_a_fault() -> None:
    shown, notes = parts(milliseconds())
    assert (shown["sealing"], notes) == ("ok", {})
    shown, notes = parts(milliseconds() - 3_600_000)
    assert shown["sealing"] == "ok"
    assert "has not read the journal for 36" in notes["rules"]
    shown, notes = parts(milliseconds() - 7 * 3_600_000)
    assert "rules has not read" in shown["sealing"]


def test_figures_tell_how_far_back_samples_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "holding", health.Holding())
    told = Client().get("/metrics").content
    assert b'watchkeeper_kept_bytes{tier="5min"} 0.0' in told
    assert b"watchkeeper_ready_bytes 0.0" in told
    parts(milliseconds())
    assert b"watchkeeper_kept_since_seconds{" not in Client().get("/metrics").content  # asked now and then only
    monkeypatch.setattr(health, "holding", health.Holding())
    assert b'watchkeeper_kept_since_seconds{tier="raw"}' in Client().get("/metrics").content


@pytest.mark.parametrize("given", [{"url": "https://watch.example.org"}, {"trusted_proxies": ("127.0.0.1",)}])
def test_a_proxy_on_this_machine_opens_figures_to_nobody_even_without_its_headers(
    given: dict[str, Any], settings: Any, db: None
) -> None:
    settings.ENV = replace(settings.ENV, host="127.0.0.1", **given)
    settings.SITE_URL = settings.ENV.url
    assert Client().get("/metrics").status_code == 401


def test_figures_are_for_this_machine_or_a_token(api: Callable[..., Client]) -> None:
    local = Client()
    assert b"watchkeeper_incidents_open 0.0" in local.get("/metrics").content
    assert local.get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 401
    assert local.get("/metrics", headers={"x-forwarded-for": "127.0.0.1"}).status_code == 401
    for name in ("forwarded", "via", "x-real-ip", "x-forwarded-host", "cf-connecting-ip"):
        assert local.get("/metrics", headers={name: "x"}).status_code == 401, name
    assert local.get("/metrics", headers={"authorization": "Bearer wkt_x.y"}).status_code == 401
    assert api(scopes=["metrics:read"]).get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 200
    assert api(scopes=["rules:read"]).get("/metrics").status_code == 401


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/accounts/login/", "/api/v1/servers", "/nowhere", "/admin/login/"]
)
def test_every_answer_carries_the_headers_that_protect_it(path: str) -> None:
    headers = Client().get(path).headers
    assert "script-src" not in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
