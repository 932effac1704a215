"""Remove the demo fleet: `remove_demo`."""

from __future__ import annotations

from typing import Any

from core import commands
from dashboards.demo.removal import remove
from servers.models import Server


class Command(commands.Command):
    help = "Remove every simulated server, its data and its incidents; real servers are never touched."

    def handle(self, *args: Any, **options: Any) -> None:
        count = remove(list(Server.objects.filter(demo=True)))
        self.stdout.write(f"{count} demo servers removed." if count else "There is no demo fleet.")
