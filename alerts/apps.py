"""The app as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "alerts"

    def ready(self) -> None:
        """Alerts end with their server; a team begins with rules and leaves a record; trouble teaches nothing."""
        from accounts.services import on_new_team, when_team_ends  # noqa: PLC0415 - models are not loaded before
        from alerts.services import make_default_rules, servers_removed, team_ends, unlearnt  # noqa: PLC0415 - as above
        from ml.services import on_learning  # noqa: PLC0415 - as above
        from servers.services import on_removal  # noqa: PLC0415 - as above

        on_removal(servers_removed)
        on_new_team(make_default_rules)
        when_team_ends(team_ends)
        on_learning(unlearnt)
