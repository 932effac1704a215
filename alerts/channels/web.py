"""What kinds that speak HTTP share: one bounded request, and what an answer means."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from django.conf import settings

from alerts.channels.base import SHOWN, DeliveryError
from core import outgoing

TIMEOUT = 10.0
AGENT = "Watchkeeper"


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, trusted: bool = False, inside: bool = True
) -> outgoing.Answer:
    """One POST through the one client; what cannot be sent or is not answered is said as a failed delivery."""
    return request("POST", url, body, headers, trusted=trusted, inside=inside)


def request(
    method: str, url: str, body: bytes, headers: Mapping[str, str], *, trusted: bool = False, inside: bool = True
) -> outgoing.Answer:
    """Not `inside`: also the private networks that others may reach stay closed."""
    try:
        return outgoing.request(
            method, url, body=body, headers=headers, timeout=TIMEOUT, trusted=trusted,
            allow_private=settings.ENV.outgoing_allow if inside else (),
        )  # fmt: skip
    except outgoing.Refused as error:
        raise DeliveryError(str(error), permanent=True) from error
    except outgoing.Unreachable as error:
        raise DeliveryError(str(error)) from error


def raw(answer: outgoing.Answer) -> str:
    """The status and the beginning of what was answered, as it came."""
    text = answer.body[: SHOWN * 4].decode("utf-8", "replace").strip()
    return f"{answer.status} {text}".strip()[:SHOWN]


def refuse_failed(answer: outgoing.Answer, *, who: str = "The receiver") -> None:
    """Nothing for a 2xx; 429 and 5xx may be tried again, everything else is for good."""
    if 200 <= answer.status < 300:
        return
    raise DeliveryError(
        f"{who} answered {answer.status}.",
        permanent=not passing(answer.status),
        after=retry_after(answer.headers),
        answer=raw(answer),
    )


def passing(status: int) -> bool:
    return status == 429 or status >= 500


def retry_after(headers: Mapping[str, str]) -> float | None:
    """How long the receiver asks us to wait, in seconds or until a date."""
    text = next((str(value).strip() for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        seconds = float(text)
    except ValueError:
        seconds = _until(text)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _until(date: str) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return math.nan


def check_url(name: str, url: str) -> None:
    """Refuse at save time what could never be sent to."""
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"config.{name} must start with https:// or http://.")
    try:
        outgoing.parse(url)
    except outgoing.Refused as error:
        raise ValueError(f"config.{name}: {error}") from error
