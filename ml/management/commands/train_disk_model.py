"""Learn the shipped model of failing disks anew; it needs scikit-learn, and no serving process does this."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Learn ml/shipped/disk.npz anew from laid-out data, and write its hash into ml/shipped/models.json."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--data", type=Path, required=True, help="The folder of the data sets.")

    def handle(self, *args: Any, **options: Any) -> None:
        from ml.evaluation import disks  # noqa: PLC0415 - it learns by scikit-learn, which is slow to begin

        try:
            about = disks.ship(options["data"])
        except FileNotFoundError as fault:
            raise CommandError(str(fault)) from fault
        self.stdout.write(", ".join(f"{name}: {value}" for name, value in about.items() if name != "data"))
