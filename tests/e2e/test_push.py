"""Web push from the press on "My notifications" to the acknowledgement: one worker, no page open, no session sent."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import expect

from tests.alerts.test_push import AUTH, text
from tests.e2e.conftest import Open
from tests.e2e.trouble import HIGH, Machine, rule
from tests.product import EMAIL, Product, until

WORKERS = "allow"
# Chromium here reaches no push service: the address it would get is given to it, with keys that are real.
SUBSCRIBED = """keys => {
  const made = { endpoint: 'https://push.example.org/abc', keys }
  const real = { ...made, toJSON: () => made, unsubscribe: async () => { window.pushed = null; return true } }
  PushManager.prototype.subscribe = async function (options) {
    window.asked = new Uint8Array(options.applicationServerKey).length
    return (window.pushed = real)
  }
  PushManager.prototype.getSubscription = async () => window.pushed || null
}"""


@pytest.fixture
def keys() -> dict[str, str]:
    point = (
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    )
    return {"p256dh": text(point), "auth": text(AUTH)}


def link_of(hub: Product, incident: str) -> str:
    """As it stands in the message to the admin: signed with the product's own key."""
    code = (
        "from accounts.models import User; from alerts.models import Incident; "
        "from alerts.services.answering_links import link; "
        f"print(link(Incident.objects.get(uuid={incident!r}), User.objects.get(email={EMAIL!r})))"
    )
    return hub.manage("shell", "-v", "0", "-c", code).strip().splitlines()[-1]


def test_a_push_is_shown_by_the_one_worker_and_its_button_acknowledges(
    open_page: Open, hub: Product, keys: dict[str, str]
) -> None:
    page = open_page("/healthz")
    page.context.grant_permissions(["notifications"], origin=hub.url)
    page.add_init_script(f"({SUBSCRIBED})({json.dumps(keys)})")
    page.goto(f"{hub.url}/me/notifications/")
    page.get_by_role("button", name="Send to this browser").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible(timeout=20_000)
    assert page.evaluate("window.asked") == 65
    page.evaluate("navigator.serviceWorker.ready")
    workers = page.evaluate(
        "navigator.serviceWorker.getRegistrations().then(all => all.map(r => r.active.scriptURL))"
    )
    assert workers == [f"{hub.url}/worker.js"], "one worker for the shell and for push"

    token = hub.api_token(name="push")
    machine = Machine(hub, "pushed-1")
    rule(hub, token, "Pushed", "name:pushed-1")
    machine.say(HIGH)

    def found() -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = hub.request("GET", "/api/v1/incidents", token=token).json()["results"]
        return [one for one in listed if "pushed-1" in one["title"]]

    until(lambda: bool(found()), 20, "the incident")
    incident = found()[0]["id"]
    said = {
        "title": "pushed-1 <b>hot</b>", "body": "CPU", "event": "firing", "tag": incident,
        "answer": link_of(hub, incident), "url": f"{hub.url}/incidents/{incident}/",
    }  # fmt: skip
    _deliver(page, hub, said)
    worker = page.context.service_workers[0]
    shown = "() => self.registration.getNotifications().then(all => all.map(n => [n.title, n.actions.length]))"
    until(lambda: bool(worker.evaluate(shown)), 20, "the notification")
    assert worker.evaluate(shown) == [["pushed-1 <b>hot</b>", 2]]
    worker.evaluate(
        """() => self.registration.getNotifications().then(([notification]) => self.dispatchEvent(
          new NotificationEvent('notificationclick', { notification, action: 'acknowledge' })))"""
    )
    until(lambda: found()[0]["state"] == "acknowledged", 20, "the acknowledgement")
    page.goto(f"{hub.url}/incidents/{incident}/")
    expect(page.locator(".lede").first).to_contain_text("is on it")
    machine.say(10)


def _deliver(page: Any, hub: Product, said: dict[str, Any]) -> None:
    """What the push service would hand to the browser."""
    session = page.context.new_cdp_session(page)
    heard: list[str] = []

    def learn(event: dict[str, Any]) -> None:
        heard.extend(one["registrationId"] for one in event["registrations"] if one["scopeURL"] == f"{hub.url}/")

    session.on("ServiceWorker.workerRegistrationUpdated", learn)
    session.send("ServiceWorker.enable")
    end = time.monotonic() + 20
    while not heard and time.monotonic() < end:
        page.wait_for_timeout(50)
    message = {"origin": hub.url, "registrationId": heard[0], "data": json.dumps(said)}
    session.send("ServiceWorker.deliverPushMessage", message)
