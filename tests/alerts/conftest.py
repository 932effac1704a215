"""What the tests of alerts share: people who never type a password, so that none is hashed for each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Membership, Team, User


@pytest.fixture
def person(team: Team) -> Callable[..., User]:
    """Make somebody with a role in a team."""

    def make(role: str = "admin", of: Team | None = None, **fields: Any) -> User:
        email = fields.pop("email", f"{role}{User.objects.count()}@example.org")
        user = User.objects.create(email=email, password="!", **fields)
        Membership.objects.create(team=of or team, user=user, role=role)
        return user

    return make
