"""What counts as unusual today: from the maxima of past hours and how often somebody wants to hear of it."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q

from core.clock import milliseconds, now
from core.locking import again, locked
from ml import hours
from ml.budget import DAYS, PER_WEEK, threshold
from ml.models import ModelVersion, Sensitivity, Watch
from servers.models import Server

SLICE = 100


def per_week(server: Server) -> float:
    """Alerts wanted: of the server, else of its team, else what we think good."""
    found = Sensitivity.objects.filter(Q(server=server) | Q(team=server.team_id, server=None))
    wanted: dict[int | None, float] = dict(found.values_list("server_id", "per_week"))
    return wanted.get(server.pk, wanted.get(None, PER_WEEK))


def of_team(team: int) -> float:
    found = Sensitivity.objects.filter(team=team, server=None).values_list("per_week", flat=True).first()
    return PER_WEEK if found is None else found


def of(maxima: hours.Hours, server: Server) -> float:
    """As the whole hours of these say."""
    end = (max(maxima, default=0) + 1) * hours.HOUR
    return threshold(hours.before(maxima, end, DAYS), per_week(server))


def refresh_all() -> int:
    """Nightly, of every server that has a model."""
    return refresh(list(ModelVersion.objects.current().order_by("server").values_list("server", flat=True)))


def refresh(servers: list[int]) -> int:
    """Of these, from the past alone."""
    for place in range(0, len(servers), SLICE):
        _refresh(servers[place : place + SLICE])
    return len(servers)


@again
@transaction.atomic
def _refresh(servers: list[int]) -> None:
    rows = list(locked(Watch.objects.filter(server__in=servers)).select_related("server").order_by("server"))
    for watch in rows:
        past = hours.before(hours.unpack(watch.maxima), milliseconds(), DAYS)
        watch.threshold, watch.threshold_at = threshold(past, per_week(watch.server)), now()
    Watch.objects.bulk_update(rows, ["threshold", "threshold_at"])
