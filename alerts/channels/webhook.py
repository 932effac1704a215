"""Tell another program: a signed POST with a key that stays the same for every retry."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any, ClassVar

import msgspec

from alerts.channels import web
from alerts.channels.base import Field, Message, Sent, Usual, channels, read_config


class Config(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    secret: str = ""


@channels.register("webhook")
class Webhook(Usual):
    title: ClassVar[str] = "Webhook"
    storm_cap: ClassVar[int] = 0
    parallel: ClassVar[int] = 4
    fields: ClassVar[tuple[Field, ...]] = (
        Field("url", "Address", "Gets a POST with the message as JSON.", required=True),
        Field("secret", "Secret", "Signs every message in X-Watchkeeper-Signature.", secret=True),
    )

    def __init__(self, config: dict[str, Any]) -> None:
        self.config: Config = read_config(Config, config)
        web.check_url("url", self.config.url)

    def send(self, message: Message, to: str) -> Sent:
        body = msgspec.json.encode(message.body())
        answer = web.post(self.config.url, body, self._headers(message.key, body))
        web.refuse_failed(answer)
        return Sent(web.raw(answer))

    def _headers(self, key: str, body: bytes) -> dict[str, str]:
        at = int(time.time())
        headers = {"Content-Type": "application/json", "User-Agent": web.AGENT, "Idempotency-Key": key}
        if self.config.secret:
            signed = hmac.new(self.config.secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
            headers["X-Watchkeeper-Signature"] = f"t={at},v1={signed}"
        return headers
