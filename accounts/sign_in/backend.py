"""Passwords, where they are allowed at all."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.conf import settings
from django.http import HttpRequest

from accounts.models import User


class Passwords(AuthenticationBackend):  # type: ignore[misc]
    """One Argon2 for a right, a wrong and an unknown one alike; none where people sign in by a provider only."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> User | None:
        if not settings.LOCAL_LOGIN:
            return None
        # Programs of Django's own say user name; there is none but the address.
        credentials.setdefault("email", credentials.pop("username", None))
        user: User | None = super().authenticate(request, **credentials)
        return user
