"""Web push against a receiver that opens what a browser would open."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client
from py_vapid import Vapid02

from accounts.models import User
from alerts.channels import push, vapid
from alerts.channels.base import DeliveryError
from alerts.channels.push import Push, payload
from alerts.delivery import deliver_due
from alerts.models import Channel, Delivery
from tests.alerts.telling import Desk, message, open_loopback
from tests.sinks import WebhookSink

AUTH = b"0123456789abcdef"


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Browser:
    def __init__(self, port: int) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.endpoint = f"http://127.0.0.1:{port}/push/abc"
        self.keys = {"p256dh": text(point), "auth": text(AUTH)}

    def config(self) -> dict[str, Any]:
        return {"subscriptions": [{"endpoint": self.endpoint, **self.keys}]}

    def open(self, body: bytes) -> Any:
        return json.loads(http_ece.decrypt(body, private_key=self.key, auth_secret=AUTH, version="aes128gcm"))


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebhookSink]:
    open_loopback(monkeypatch)
    monkeypatch.setattr(push, "INSIDE", True)
    with WebhookSink(201) as made:
        yield made


@pytest.fixture
def browser(sink: WebhookSink) -> Browser:
    return Browser(sink.port)


def test_a_push_can_be_opened_by_its_browser_alone(sink: WebhookSink, browser: Browser) -> None:
    kind = Push(browser.config())
    kind.send(message(answer_url="https://w.example.org/acknowledge/t/"), kind.recipients()[0])
    got = sink.requests[0]
    said = browser.open(got.body)
    assert said["title"] == "[Critical] web-1: CPU <hot>"
    assert said["answer"] == "https://w.example.org/acknowledge/t/"
    headers = {name.lower(): value for name, value in got.headers.items()}
    assert (headers["content-encoding"], headers["urgency"], headers["topic"]) == (
        "aes128gcm", "high", "0d4f9d5c111142228333444455556666",
    )  # fmt: skip
    assert int(headers["ttl"]) > 0
    assert Vapid02.verify(headers["authorization"])
    assert f"k={vapid.public_key()}" in headers["authorization"]


def test_the_key_stays_the_same_and_may_be_given() -> None:
    assert vapid.public_key() == vapid.public_key()
    assert len(base64.urlsafe_b64decode(vapid.public_key() + "=")) == 65
    given = ec.generate_private_key(ec.SECP256R1())
    raw = text(given.private_numbers().private_value.to_bytes(32, "big"))
    assert vapid._key(raw, "").private_numbers() == given.private_numbers()


def test_a_subscription_leads_into_no_network_that_managers_opened(
    browser: Browser, sink: WebhookSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "INSIDE", False)
    kind = Push(browser.config())
    with pytest.raises(DeliveryError, match="not a public address"):
        kind.send(message(), kind.recipients()[0])
    assert sink.requests == []


def test_a_long_message_is_shortened() -> None:
    assert len(payload(message(title="t" * 5000, summary="s" * 5000))) <= 3900


@pytest.mark.parametrize("wrong", [{"p256dh": "AAAA"}, {"auth": "AAAA"}, {"endpoint": "ftp://x"}])
def test_what_could_never_be_told_is_refused(browser: Browser, wrong: dict[str, str]) -> None:
    one = {**browser.config()["subscriptions"][0], **wrong}
    with pytest.raises(ValueError, match=r"keys|endpoint"):
        Push({"subscriptions": [one]})


def test_a_browser_subscribes_is_told_and_is_forgotten_when_it_is_gone(
    api: Callable[..., Client], person: Callable[..., User], sink: WebhookSink, browser: Browser
) -> None:
    ada = person("viewer")
    client = api(ada)
    assert client.get("/api/v1/push/key").json() == {"key": vapid.public_key()}
    body = {"endpoint": browser.endpoint, "keys": browser.keys, "expirationTime": None, "name": "Firefox"}
    for _ in range(2):
        made = client.post("/api/v1/push/subscriptions", body, content_type="application/json")
        assert made.status_code == 201, made.content
    channel = Channel.objects.get(owner=ada)
    assert str(channel.uuid) == made.json()["channel"]
    assert len(channel.config["subscriptions"]) == 1

    sink.answer = 410
    desk = Desk(ada.memberships.get().team)
    told = desk.delivery(channel, to=made.json()["id"], person=ada)
    assert deliver_due(channel.pk)
    told.refresh_from_db()
    channel.refresh_from_db()
    assert (told.state, channel.config["subscriptions"]) == ("dead", [])
    assert "Subscribe again" in channel.fault
    # Nobody is left untold: the address of the account takes its place.
    assert Delivery.objects.get(instead_of=told).recipient == ada.email


def test_a_browser_may_end_it(api: Callable[..., Client], browser: Browser) -> None:
    client = api()
    body = {"endpoint": browser.endpoint, "keys": browser.keys}
    client.post("/api/v1/push/subscriptions", body, content_type="application/json")
    gone = {"endpoint": browser.endpoint}
    for _ in range(2):
        answer = client.delete("/api/v1/push/subscriptions", gone, content_type="application/json")
        assert answer.status_code == 204
    assert Channel.objects.get().config == {"subscriptions": []}


def test_a_browser_that_was_removed_meanwhile_is_not_told(browser: Browser) -> None:
    with pytest.raises(DeliveryError, match="not subscribed") as refused:
        Push(browser.config()).send(message(), "another")
    assert refused.value.permanent


def test_the_worker_is_served_for_every_page(client: Client) -> None:
    answer = client.get("/push-worker.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert b"notificationclick" in answer.content
