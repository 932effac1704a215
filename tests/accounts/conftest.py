"""What the tests of accounts share."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def quick_hash(settings: Any) -> None:
    """Where passwords are not the subject: Argon2 takes a tenth of a second each time, on purpose."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
