"""The app as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "alerts"

    def ready(self) -> None:
        """Alerts of a removed server end with it; a new team begins with calm rules; trouble teaches nothing."""
        from accounts.services import on_new_team  # noqa: PLC0415 - models are not loaded before
        from alerts.services import make_default_rules, servers_removed, unlearnt  # noqa: PLC0415 - as above
        from ml.services import on_learning  # noqa: PLC0415 - as above
        from servers.services import on_removal  # noqa: PLC0415 - as above

        on_removal(servers_removed)
        on_new_team(make_default_rules)
        on_learning(unlearnt)
