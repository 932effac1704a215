"""The app as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class ServersConfig(AppConfig):
    name = "servers"

    def ready(self) -> None:
        """Roles and tokens that reach some servers only are told which those are."""
        from accounts.base import narrow  # noqa: PLC0415 - models are not loaded before
        from servers.meant import meant  # noqa: PLC0415

        narrow.found_by(meant)
