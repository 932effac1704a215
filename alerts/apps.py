"""The app as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "alerts"

    def ready(self) -> None:
        """Alerts of a server that is removed end with it; a new team begins with calm rules."""
        from accounts.services import on_new_team  # noqa: PLC0415 - models are not loaded before
        from alerts.services import make_default_rules, servers_removed  # noqa: PLC0415
        from servers.services import on_removal  # noqa: PLC0415

        on_removal(servers_removed)
        on_new_team(make_default_rules)
