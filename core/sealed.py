"""Credentials at rest: sealed with a key that is made from the secret key, which is not in the database."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Broken(Exception):
    """The secret key is not the one that sealed this."""


@cache
def _box(secret: str) -> Fernet:
    made = HKDF(hashes.SHA256(), 32, salt=None, info=b"watchkeeper sealed fields").derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(made))


def seal(value: dict[str, Any]) -> str:
    return _box(settings.SECRET_KEY).encrypt(json.dumps(value).encode()).decode()


def open_(text: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        value: dict[str, Any] = json.loads(_box(settings.SECRET_KEY).decrypt(text.encode()))
    except InvalidToken:
        raise Broken("These credentials were sealed with another secret key. Type them in again.") from None
    return value
