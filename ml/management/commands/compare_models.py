"""`manage.py compare_models`: compares models with their last days, in a process of its own; a line for each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ml import child
from ml.training import night


class Command(BaseCommand):
    help = "Compare models that alert with the last days of their servers, those not done since the given time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", type=datetime.fromisoformat, required=True, help="With its zone.")
        parser.add_argument("--seconds", type=float, default=300.0, help="For at most so long.")

    def handle(self, *_args: Any, **options: Any) -> None:
        child.bind()
        night.work(options["since"], options["seconds"], room=self._room)

    def _room(self) -> bool:
        self.stdout.write(".")
        self.stdout.flush()
        return child.room()
