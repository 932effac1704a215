"""Run the product's own judgement over laid-out data, row by row in time order, and leave what a scorer reads."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ml.evaluation import all_tasks


class Command(BaseCommand):
    help = "Measure the product's own models on labelled data: one result file per series, and lines of figures."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data", required=True, type=Path, help="folder with one sub-folder per data set")
        parser.add_argument("--out", required=True, type=Path, help="folder for the results; made if it is not there")
        parser.add_argument(
            "--tasks", default="", help=f"comma list of {', '.join(all_tasks())}; all of them unless given"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        data, out = options["data"], options["out"]
        if not data.is_dir():
            raise CommandError(f"There is no folder {data}. Give --data the folder that holds the data sets.")
        out.mkdir(parents=True, exist_ok=True)
        tasks = all_tasks()
        for name in [name for name in options["tasks"].split(",") if name] or list(tasks):
            for line in tasks.get(name)(data, out):
                self.stdout.write(line)
