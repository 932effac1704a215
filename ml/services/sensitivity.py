"""The one slider: how many alerts of unusual behaviour are wanted per server and week."""

from __future__ import annotations

from django.db import transaction

from accounts.models import Team, User
from accounts.services import audit
from core.runner import wake
from ml import thresholds
from ml.models import Sensitivity, Watch
from servers.models import Server

CHANGED = "models"
MOST = 168.0  # one an hour


def set_of_team(team: Team, wanted: float, *, by: User) -> None:
    """Its servers without one of their own follow at once."""
    with transaction.atomic():
        before = thresholds.of_team(team.pk)
        Sensitivity.objects.update_or_create(team=team, server=None, defaults={"per_week": wanted})
        audit(by, "anomalies.sensitivity", team, before={"per_week": before}, after={"per_week": wanted})
    _follow(list(Watch.objects.filter(server__team=team).values_list("server", flat=True)))


def set_of_server(server: Server, wanted: float | None, *, by: User) -> None:
    """One server's own; nothing: as its team."""
    with transaction.atomic():
        before = thresholds.per_week(server)
        if wanted is None:
            Sensitivity.objects.filter(server=server).delete()
        else:
            Sensitivity.objects.update_or_create(server=server, defaults={"per_week": wanted, "team": server.team})
        after = thresholds.per_week(server)
        audit(by, "anomalies.sensitivity", server, before={"per_week": before}, after={"per_week": after})
    _follow([server.pk])


def _follow(servers: list[int]) -> None:
    thresholds.refresh(servers)
    wake(CHANGED)
