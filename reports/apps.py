"""The app as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "reports"

    def ready(self) -> None:
        """Of a server that is removed its past stays, for the time that it lived."""
        from reports.services import remember  # noqa: PLC0415 - models are not loaded before
        from servers.services import on_removal  # noqa: PLC0415 - models are not loaded before

        on_removal(remember)
