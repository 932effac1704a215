"""Secrets we hand out: `prefix_key.secret`, shown once, kept as SHA-256 only."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import NamedTuple


class Token(NamedTuple):
    """A fresh secret: `clear` is shown once, `key` finds its row, `digest` is what we keep."""

    clear: str
    key: str
    digest: str


def make(prefix: str) -> Token:
    key, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    return Token(f"{prefix}_{key}.{secret}", key, digest(secret))


def split(clear: str, prefix: str) -> tuple[str, str] | None:
    """The key and the digest of the secret, or nothing when it has another form."""
    start, _, rest = clear.partition("_")
    key, _, secret = rest.partition(".")
    if start != prefix or len(key) != 16 or not 20 <= len(secret) <= 100:
        return None
    return key, digest(secret)


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def same(one: str, other: str) -> bool:
    return hmac.compare_digest(one, other)
