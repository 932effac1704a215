"""What every template knows of the person who looks: the profile, or its defaults for a stranger."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.models import User

_NOBODY = User()


def person(request: HttpRequest) -> dict[str, User]:
    """As `person`: theme, zone, simple, single_keys and language, each empty where nothing was chosen."""
    user = getattr(request, "user", None)
    return {"person": user if isinstance(user, User) else _NOBODY}
