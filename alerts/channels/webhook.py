"""Tell another program: a signed POST with a key that stays the same for every retry."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

import msgspec
from django.conf import settings

from alerts.channels.base import DeliveryError, Message, channels, read_config
from core import outgoing

TIMEOUT = 10.0


class Config(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    secret: str = ""


@channels.register("webhook")
class Webhook:
    def __init__(self, config: dict[str, Any]) -> None:
        self.config: Config = read_config(Config, config)
        if not self.config.url.startswith(("http://", "https://")):
            raise ValueError("config.url must start with https:// or http://.")

    def recipients(self) -> list[str]:
        return [""]

    def send(self, message: Message, to: str) -> None:
        body = msgspec.json.encode(message.body())
        try:
            answer = outgoing.request(
                "POST", self.config.url, body=body, headers=self._headers(message.key, body), timeout=TIMEOUT,
                allow_private=settings.ENV.outgoing_allow,
            )  # fmt: skip
        except outgoing.Refused as error:
            raise DeliveryError(str(error), permanent=True) from error
        except outgoing.Unreachable as error:
            raise DeliveryError(str(error)) from error
        if 200 <= answer.status < 300:
            return
        again = answer.status == 429 or answer.status >= 500
        raise DeliveryError(
            f"The receiver answered {answer.status}.", permanent=not again, after=_retry_after(answer.headers)
        )

    def _headers(self, key: str, body: bytes) -> dict[str, str]:
        at = int(time.time())
        signed = hmac.new(self.config.secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Watchkeeper",
            "Idempotency-Key": key,
        }
        if self.config.secret:
            headers["X-Watchkeeper-Signature"] = f"t={at},v1={signed}"
        return headers


def _retry_after(headers: Any) -> float | None:
    text = {str(name).lower(): str(value) for name, value in dict(headers).items()}.get("retry-after", "")
    return float(text) if text.isdecimal() else None
