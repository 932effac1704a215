"""What the tests of pages about people share: a browser in which somebody is signed in, and just proved it."""

from __future__ import annotations

import time
from typing import Any

from django.test import Client

from accounts.models import Audit, Membership, Team, User

JSON = "application/json"


def browser(user: User, *, lately: bool = True) -> Client:
    client = Client()
    client.force_login(user)
    if lately:
        session = client.session
        session["account_authentication_methods_user"] = str(user.pk)
        session["account_authentication_methods"] = [
            {"method": "password", "at": time.time(), "reauthenticated": True}
        ]
        session.save()
    return client


def said(reply: Any) -> list[str]:
    """The sentences at the top of the page."""
    return [str(message) for message in reply.context["messages"]]


def member(team: Team, user: User) -> Membership:
    return Membership.objects.get(team=team, user=user)


def trail(*actions: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    rows = Audit.objects.filter(action__in=actions).order_by("pk")
    return [(row.action, row.before, row.after) for row in rows]
