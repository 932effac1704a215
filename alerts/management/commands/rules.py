"""Keep rules in a file: `rules export`, `rules plan rules.yaml`, `rules apply rules.yaml`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.models import Team
from accounts.services import MAIN_TEAM
from alerts import rulefile
from core import commands
from core.clock import now


class Command(commands.Command):
    help = "Write a team's rules to a file, show what a file would change, or make the rules as a file says."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("verb", choices=["export", "plan", "apply"])
        parser.add_argument("file", nargs="?", default="-", help="- is standard input or output")
        parser.add_argument("--team", default=MAIN_TEAM)
        parser.add_argument(
            "--prune", action="store_true", help="remove rules of the team that the file does not have"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        team = Team.objects.filter(name=options["team"]).first()
        if team is None:
            there = ", ".join(Team.objects.order_by("name").values_list("name", flat=True))
            raise CommandError(f"There is no team {options['team']}. Teams here: {there}.")
        if options["verb"] == "export":
            self._export(team, options["file"])
        else:
            self._read(team, options["file"], apply=options["verb"] == "apply", prune=options["prune"])

    def _export(self, team: Team, name: str) -> None:
        text = rulefile.export(team)
        if name == "-":
            self.stdout.write(text, ending="")
        else:
            Path(name).write_text(text, encoding="utf-8")

    def _read(self, team: Team, name: str, *, apply: bool, prune: bool) -> None:
        try:
            text = sys.stdin.read(rulefile.LARGEST + 1) if name == "-" else Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as fault:
            raise CommandError(f"{name} cannot be read: {fault}.") from fault
        try:
            if apply:
                done = rulefile.apply(team, text, now(), by=None, prune=prune)
            else:
                done = rulefile.plan(team, text, now(), prune=prune)
        except rulefile.Broken as broken:
            raise CommandError("\n".join([*broken.said(name), "Nothing was changed."])) from broken
        for line in [*done.lines, *(f"! {warning}" for warning in done.warnings)]:
            self.stdout.write(line)
        self.stdout.write(f"{len(done.lines)} {'changed' if apply else 'would change'}, {done.same} as they are.")
