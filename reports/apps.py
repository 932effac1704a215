"""The app as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "reports"

    def ready(self) -> None:
        """Of a server or check that is removed its past stays, for the time that it lived."""
        from checks import services as checks  # noqa: PLC0415 - models are not loaded before
        from reports.services import remember, remember_checks  # noqa: PLC0415 - models are not loaded before
        from servers.services import on_removal  # noqa: PLC0415 - models are not loaded before

        on_removal(remember)
        checks.on_removal(remember_checks)
