"""`manage.py measure_cards`: the nightly report cards, run in the child that learns."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ml import child, measuring


class Command(BaseCommand):
    help = "Put known faults into copies of servers' own rows, and count what their models notice."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seconds", type=float, default=600.0, help="What there is no time for comes tomorrow.")
        parser.add_argument("--server", type=int, action="append", help="Only these, by their numbers.")

    def handle(self, *_args: Any, **options: Any) -> None:
        if child.PARENT in os.environ:
            child.bind()
        written = measuring.measure_all(options["seconds"], options["server"])
        self.stdout.write(f"{written} cards written.")
