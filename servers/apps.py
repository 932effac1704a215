"""The app as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class ServersConfig(AppConfig):
    name = "servers"

    def ready(self) -> None:
        """Roles and tokens that reach some servers only are told which those are; a team with servers stays."""
        from accounts.base import narrow  # noqa: PLC0415 - models are not loaded before
        from accounts.services import on_end_of_team  # noqa: PLC0415 - models are not loaded before
        from servers.meant import meant, still_there  # noqa: PLC0415 - as above

        narrow.found_by(meant)
        on_end_of_team(still_there)
