"""What the tests of signing in share: a browser that signs in, and an app that shows codes."""

from __future__ import annotations

import time
from typing import Any

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client

from accounts.models import User

PASSWORD = "correct horse battery"


def code(secret: str) -> str:
    """What the app shows now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def sign_in(user: User, password: str = PASSWORD, **headers: str) -> tuple[Client, Any]:
    """A browser of its own, by the form."""
    client = Client(headers=headers or None)
    return client, client.post("/accounts/login/", {"login": user.email, "password": password})


def inside(client: Client) -> bool:
    return client.get("/me/notifications/").status_code == 200


def set_up(client: Client) -> tuple[str, list[str]]:
    """The second factor, by the page: its secret and the recovery codes."""
    page = client.get("/accounts/2fa/totp/activate/")
    secret = page.context["form"].secret
    done = client.post("/accounts/2fa/totp/activate/", {"code": code(secret)})
    assert done.status_code == 302, done.context["form"].errors
    return secret, client.get("/accounts/2fa/codes/").context["unused_codes"]
