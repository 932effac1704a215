"""Tell a person's browsers, also while no page is open: web push, encrypted for each of them."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, ClassVar

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from alerts.channels import vapid, web
from alerts.channels.base import DeliveryError, Field, Gone, Message, Sent, Usual, channels, read_config

MOST = 3900  # push services take 4096 bytes, encryption and header included
KEPT = 12 * 3600  # seconds a push service holds it for a browser that is off
MOST_BROWSERS = 20
# Push services are public. Everybody may subscribe, so an endpoint must not lead into networks that managers opened.
INSIDE = False


class Subscription(msgspec.Struct, forbid_unknown_fields=True):
    """A browser, as it names itself to us."""

    endpoint: str
    p256dh: str
    auth: str
    name: str = ""

    @property
    def id(self) -> str:
        return hashlib.sha256(self.endpoint.encode()).hexdigest()[:16]


class Config(msgspec.Struct, forbid_unknown_fields=True):
    subscriptions: list[Subscription] = msgspec.field(default_factory=list)


@channels.register("push")
class Push(Usual):
    title: ClassVar[str] = "Web push"
    fields: ClassVar[tuple[Field, ...]] = ()  # browsers fill it in, one by one

    def __init__(self, config: dict[str, Any]) -> None:
        self.config: Config = read_config(Config, config)
        if len(self.config.subscriptions) > MOST_BROWSERS:
            raise ValueError(f"More than {MOST_BROWSERS} browsers: remove one first.")
        for one in self.config.subscriptions:
            check(one)

    def recipients(self) -> list[str]:
        return [one.id for one in self.config.subscriptions]

    def send(self, message: Message, to: str) -> Sent:
        found = next((one for one in self.config.subscriptions if one.id == to), None)
        if found is None:
            raise DeliveryError("This browser is not subscribed any more.", permanent=True)
        body = _encrypt(found, payload(message))
        answer = web.post(found.endpoint, body, self._headers(found, message), inside=INSIDE)
        if answer.status in {404, 410}:
            raise Gone("The browser ended its subscription.", answer=web.raw(answer))
        web.refuse_failed(answer, who="The push service")
        return Sent(web.raw(answer))

    def _headers(self, found: Subscription, message: Message) -> dict[str, str]:
        headers = {
            "Authorization": vapid.authorization(found.endpoint),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(KEPT),
            "Urgency": "high" if message.severity == "critical" else "normal",
        }
        if message.incident:  # what is newer replaces what a browser that was off has not seen yet
            headers["Topic"] = message.incident.replace("-", "")[:32]
        return headers


def check(one: Subscription) -> None:
    """Refuse at once what could never be encrypted for or sent to."""
    web.check_url("endpoint", one.endpoint)
    try:
        point, secret = _bytes(one.p256dh), _bytes(one.auth)
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError as error:
        raise ValueError("The browser's keys cannot be read. Subscribe again.") from error
    if len(secret) != 16:
        raise ValueError("The browser's keys cannot be read. Subscribe again.")


def payload(message: Message) -> bytes:
    """What the service worker shows: shortened where a push may not be so long."""
    said = {
        "title": message.title or message.summary,
        "body": message.summary if message.title else "",
        "event": message.event,
        "tag": message.incident or message.key,
        "url": message.url,
        "answer": message.answer_url,
        "acknowledge": message.words.get("acknowledge", "Acknowledge"),
        "open": message.words.get("open", "Open"),
    }
    while len(body := msgspec.json.encode(said)) > MOST:
        longest = max(("title", "body"), key=lambda name: len(said[name]))
        said[longest] = said[longest][: len(said[longest]) // 2]
    return body


def _encrypt(found: Subscription, body: bytes) -> bytes:
    import http_ece  # noqa: PLC0415 - only where something is pushed

    ours = ec.generate_private_key(ec.SECP256R1())
    made: bytes = http_ece.encrypt(
        body, private_key=ours, dh=_bytes(found.p256dh), auth_secret=_bytes(found.auth), version="aes128gcm"
    )
    return made


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
