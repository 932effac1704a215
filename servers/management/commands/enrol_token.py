"""Print a new enrolment token: `enrol_token --name N [--reusable] [--hours H]`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.models import Team
from accounts.services import over
from core import commands
from servers.services import make_enrolment


class Command(commands.Command):
    help = "Print one new enrolment token and nothing else."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True)
        parser.add_argument("--reusable", action="store_true")
        parser.add_argument("--hours", type=float, default=1.0)
        parser.add_argument("--team", default="", help="The first one, if not given.")

    def handle(self, *args: Any, **options: Any) -> None:
        teams = Team.objects.order_by("pk")
        team = (teams.filter(name=options["team"]) if options["team"] else teams).first()
        if team is None:
            known = ", ".join(Team.objects.values_list("name", flat=True)) or "none: start it once, ./watchkeeper up"
            raise CommandError(f"There is no team {options['team']!r}. Teams here: {known}.")
        if not 0 < options["hours"] <= 24 * 366:
            raise CommandError("--hours must be more than 0 and at most 8784 (a year).")
        with over("command line"):
            token = make_enrolment(team, options["name"], reusable=options["reusable"], hours=options["hours"])
        self.stdout.write(token)
