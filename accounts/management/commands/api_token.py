"""Print a new API token: `api_token --email E --name N --scopes all`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.models import User
from accounts.services import WrongScopes, give_token, over
from core import commands


class Command(commands.Command):
    help = "Print one new API token and nothing else."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", required=True)
        parser.add_argument("--scopes", default="all", help="all, or a list such as servers:read,rules:write")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].lower()).first()
        if user is None:
            raise CommandError(f"Nobody here has the address {options['email']}. See them under Admin > Users.")
        scopes = [scope.strip() for scope in options["scopes"].split(",") if scope.strip()]
        try:
            with over("command line"):
                _row, token = give_token(user, options["name"], scopes)
        except WrongScopes as fault:
            raise CommandError(str(fault)) from fault
        self.stdout.write(token)
