"""Print a link to a new password: `password_link --email E`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from accounts.models import User
from accounts.services import audit
from accounts.sign_in import links
from core import commands


def somebody(email: str) -> User:
    """The person of that address, or a sentence that helps."""
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        raise CommandError(f"Nobody here has the address {email}. See them under Admin > Users.")
    if not user.is_active:
        raise CommandError(f"The account {email} is switched off. Switch it on under Admin > Users.")
    return user


class Command(commands.Command):
    help = "Print one link, good for an hour, that sets a new password, and nothing else."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.LOCAL_LOGIN:
            raise CommandError("Passwords are switched off here by WATCHKEEPER_LOCAL_LOGIN. Use sign_in_link.")
        user = somebody(options["email"])
        audit(None, "password.link", user)
        self.stdout.write(links.password_link(user))
