"""From a look outside to a person: check, series, alert, message and end; and a heartbeat that fails and overruns."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.checks.pages import Pages
from tests.product import Product, WebhookSink, until


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    with Product(tmp_path / "data", WATCHKEEPER_OUTGOING_ALLOW="127.0.0.0/8") as running:
        yield running


@pytest.fixture
def call(product: Product) -> Callable[..., Any]:
    token = product.api_token()

    def ask(method: str, path: str, body: Any = None, *, well: bool = True) -> Any:
        reply = product.request(method, path, body, token=token)
        assert (reply.status < 300) == well, reply.body
        return reply.json() if reply.body else None

    return ask


def test_a_check_and_a_heartbeat_are_told_and_so_is_their_end(product: Product, call: Callable[..., Any]) -> None:
    with WebhookSink() as hook, Pages() as pages:
        tell(call, hook, "Check down", "Heartbeat missed")
        shop = a_shop_goes_down_and_comes_back(call, hook, pages)
        a_job_fails_comes_back_and_overruns(product, call, hook)
        refused = call(
            "POST", "/api/v1/checks", {"name": "inside", "kind": "tcp", "target": "10.0.0.1:22"}, well=False
        )
        assert "not a public address" in refused["detail"]
        call("DELETE", f"/api/v1/checks/{shop['id']}")
        assert [one["name"] for one in call("GET", "/api/v1/checks")["results"]] == ["backup"]


def tell(call: Callable[..., Any], hook: WebhookSink, *names: str) -> None:
    config = {"url": hook.url, "secret": "s3cret"}
    channel = call("POST", "/api/v1/channels", {"name": "hook", "kind": "webhook", "config": config})
    rules = {one["name"]: one for one in call("GET", "/api/v1/rules?limit=200")["results"]}
    for name in names:
        notify = [{"channel": channel["id"]}]
        call("PATCH", f"/api/v1/rules/{rules[name]['id']}", {"notify": notify, "group_wait": 0})


def a_shop_goes_down_and_comes_back(call: Callable[..., Any], hook: WebhookSink, pages: Pages) -> dict[str, Any]:
    shop: dict[str, Any] = call(
        "POST", "/api/v1/checks",
        {"name": "Shop", "kind": "http", "target": pages.url("/"), "retries": 0, "interval": 10, "tags": ["web"]},
    )  # fmt: skip
    until(lambda: _state(call, shop) == "up", 15, "the check was up")
    pages.status = 500
    call("PATCH", f"/api/v1/checks/{shop['id']}", {"interval": 11})  # asked again at once
    told = _told(hook, "firing", "Check down")
    assert told["server"]["name"] == "Shop"
    assert told["labels"] == {"check": "Shop"}
    assert "Shop" in told["summary"]
    pages.status = 200
    call("PATCH", f"/api/v1/checks/{shop['id']}", {"interval": 10})
    _told(hook, "resolved", "Check down")
    past = call("GET", f"/api/v1/checks/{shop['id']}/history?hours=1")
    assert past["uptime"]["down_seconds"] > 0
    events = call("GET", f"/api/v1/checks/{shop['id']}/events")["results"]
    assert [one["text"].split(":")[0] for one in events] == ["Check Shop is up again", "Check Shop is down"]
    return shop


def a_job_fails_comes_back_and_overruns(product: Product, call: Callable[..., Any], hook: WebhookSink) -> None:
    config = {"cron": "0 3 * * *", "zone": "Europe/Copenhagen", "longest": 1}
    job = call("POST", "/api/v1/checks", {"name": "backup", "kind": "heartbeat", "config": config})
    ping = job["ping_url"].split("/ping/")[1]
    assert _ping(product, ping) == (200, "OK")
    assert _state(call, job) == "up"
    assert _ping(product, f"{ping}/3", b"disk full") == (200, "OK")
    missed = _told(hook, "firing", "Heartbeat missed")
    assert missed["labels"] == {"check": "backup", "kind": "heartbeat"}
    assert _ping(product, f"{ping}/0")[0] == 200
    _told(hook, "resolved", "Heartbeat missed")
    # A job that began and does not end within its second is missed by its row that is due.
    seen = len(hook.requests)
    assert _ping(product, f"{ping}/start")[0] == 200
    until(lambda: _state(call, job) == "down", 15, "the overrun was seen")
    until(lambda: len(hook.requests) > seen, 20, "the overrun was told")
    signals = call("GET", f"/api/v1/checks/{job['id']}/signals")["results"]
    assert [one["kind"] for one in signals] == ["start", "exit", "exit", "success"]
    assert signals[2]["body"] == "disk full"
    assert _ping(product, "00000000-0000-4000-8000-000000000000")[0] == 404
    assert _ping(product, f"{ping}/999")[0] == 400
    assert _ping(product, f"{ping}/log", b"x" * 200_000)[0] == 413


def _state(call: Callable[..., Any], check: dict[str, Any]) -> str:
    state: str = call("GET", f"/api/v1/checks/{check['id']}")["run"]["state"]
    return state


def _told(hook: WebhookSink, event: str, rule: str) -> dict[str, Any]:
    def found() -> list[dict[str, Any]]:
        return [one.json for one in hook.requests if one.json["event"] == event and one.json["rule"] == rule]

    until(lambda: bool(found()), 25, f"{event} of {rule}")
    return found()[-1]


def _ping(product: Product, path: str, body: bytes | None = None) -> tuple[int, str]:
    """As curl in a crontab does."""
    asked = urllib.request.Request(f"{product.url}/ping/{path}", data=body)
    for _ in range(20):
        try:
            with urllib.request.urlopen(asked, timeout=10) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as refused:
            if refused.code != 503:
                return refused.code, refused.read().decode()
            time.sleep(0.2)
    raise AssertionError("never taken")
