"""Print a link that lets somebody in once: `sign_in_link --email E [--remove-second-factor]`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts import second_factor, sessions
from accounts.management.commands.password_link import somebody
from accounts.services import audit
from accounts.sign_in import links
from core import commands


class Command(commands.Command):
    help = "Print one link, good for ten minutes, that signs somebody in once, and nothing else."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument(
            "--remove-second-factor",
            action="store_true",
            help="for somebody who has neither app nor recovery codes; ends all of that person's sessions",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = somebody(options["email"])
        if options["remove_second_factor"]:
            second_factor.remove(user)
            sessions.end_all(user)
            audit(None, "second_factor.remove", user)
        audit(None, "session.link", user)
        self.stdout.write(links.way_in(user))
