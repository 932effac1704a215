"""What our management commands share: no traceback where one sentence helps."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError


class Command(BaseCommand):
    """A command that needs a database which was set up; says what to do where it was not."""

    def create_parser(self, prog_name: str, subcommand: str, **named: Any) -> CommandParser:
        """What is mistyped is refused, not guessed."""
        return super().create_parser(prog_name, subcommand, **named, allow_abbrev=False)

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except DatabaseError as error:
            raise CommandError(
                f"The database of the data folder {settings.DATA} cannot be used ({error}). "
                "Start the product there once with ./watchkeeper up, or set WATCHKEEPER_DATA to the folder it uses."
            ) from error
