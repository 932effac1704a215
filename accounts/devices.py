"""Devices on which a person has signed in before: strangers' wrong passwords do not lock these out."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from django.conf import settings
from django.core import signing
from django.utils.crypto import salted_hmac

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

SALT = "accounts.devices"
DAYS = 180
MOST = 5
"""People who share one browser."""


def _name() -> str:
    return "__Host-device" if settings.SECURE else "device"


def _whose(email: str) -> str:
    return salted_hmac(SALT, email.strip().lower(), algorithm="sha256").hexdigest()[:20]


def _read(request: HttpRequest) -> dict[str, str]:
    try:
        held = signing.loads(request.COOKIES.get(_name(), ""), salt=SALT, max_age=DAYS * 24 * 3600)
    except signing.BadSignature:
        return {}
    return held if isinstance(held, dict) else {}


def known(request: HttpRequest, email: str) -> str:
    """The device's own mark for this person; empty where they never signed in on it."""
    return str(_read(request).get(_whose(email), ""))


def remember(request: HttpRequest, response: HttpResponse, email: str) -> None:
    """This person has proven on this device who they are."""
    held = _read(request)
    mark = held.pop(_whose(email), "") or secrets.token_hex(8)
    held = {**dict(list(held.items())[-(MOST - 1) :]), _whose(email): mark}
    response.set_cookie(
        _name(),
        signing.dumps(held, salt=SALT),
        max_age=DAYS * 24 * 3600,
        httponly=True,
        secure=settings.SECURE,
        samesite="Lax",
    )
