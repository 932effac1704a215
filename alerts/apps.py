"""The app as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "alerts"

    def ready(self) -> None:
        """Alerts of a server that is removed end with it."""
        from alerts.services import servers_removed  # noqa: PLC0415 - models are not loaded before
        from servers.services import on_removal  # noqa: PLC0415

        on_removal(servers_removed)
