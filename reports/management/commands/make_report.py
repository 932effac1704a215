"""Make one report that waits: what the product starts for a large one, niced, as a child of its own."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from reports.models import DONE, Run
from reports.services import files, make

NICE = 10


class Command(BaseCommand):
    help = "Makes a report that waits, with its PDF."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("uuid")

    def handle(self, *_args: Any, uuid: str, **_options: Any) -> None:
        run = Run.objects.filter(uuid=uuid).first()
        if run is None:
            raise CommandError(f"There is no report {uuid}.")
        if hasattr(os, "nice"):
            os.nice(NICE)
        make(run, parent=os.getppid())
        if run.state == DONE:
            files.file(run, "pdf")
