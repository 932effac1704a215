"""`manage.py train_models`: learns what is due, in a process of its own; a line for each that is done."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ml import child
from ml.training import work


class Command(BaseCommand):
    help = "Learn what is due, at most so many servers and for so long."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", type=int, default=50, help="At most so many.")
        parser.add_argument("--seconds", type=float, default=300.0, help="For at most so long.")

    def handle(self, *_args: Any, **options: Any) -> None:
        child.bind()
        if not work.work(options["batch"], options["seconds"], room=self._room) and work.due().exists():
            # Whoever started this would start it again at once, for ever.
            raise CommandError("Something is due and nothing could be begun: too little memory, or another is at it.")

    def _room(self) -> bool:
        self.stdout.write(".")
        self.stdout.flush()
        return child.room()
