"""The key by which browsers' push services know us: of the environment, else made from the secret key."""

from __future__ import annotations

import base64
import time
from functools import cache
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of the curve P-256
VALID = 12 * 3600


def key() -> ec.EllipticCurvePrivateKey:
    return _key(settings.ENV.vapid_private_key, settings.SECRET_KEY)


def public_key() -> str:
    """As browsers take it when they subscribe."""
    point = key().public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()


def authorization(endpoint: str) -> str:
    """The header for one push service, good for half a day."""
    from py_vapid import Vapid02  # noqa: PLC0415 - only where something is pushed

    parts = urlsplit(endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int(time.time()) + VALID,
        "sub": settings.ENV.vapid_subject or f"mailto:{settings.ENV.admin_email}",
    }
    signed: str = Vapid02(key()).sign(claims)["Authorization"]
    return signed


@cache
def _key(given: str, secret: str) -> ec.EllipticCurvePrivateKey:
    """The same in every process and after every restart, with nothing to keep: subscriptions hang on it."""
    if given:
        number = int.from_bytes(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)), "big")
    else:
        made = HKDF(hashes.SHA256(), 48, salt=None, info=b"watchkeeper web push key").derive(secret.encode())
        number = int.from_bytes(made, "big") % (ORDER - 1) + 1
    return ec.derive_private_key(number, ec.SECP256R1())
