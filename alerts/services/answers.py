"""What people do with an incident: look after it, or say that it is over."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.db import transaction

from accounts.models import User
from alerts.engine import Track
from alerts.models import Delivery, Incident, Notice
from alerts.services import seen
from alerts.services.moves import ALERTS_CHANGED, resolve
from alerts.services.telling import deliver
from core import runner


@transaction.atomic
def acknowledge(incident: Incident, now: datetime, *, by: User) -> None:
    """Somebody looks after it, and who was told of it hears so; acknowledging twice does nothing."""
    updated = Incident.objects.open().filter(pk=incident.pk, acknowledged_at=None)
    if updated.update(acknowledged_at=now, acknowledged_by=by):
        incident.refresh_from_db()
        text = f"{by} looks after it: {incident.title}"[:400]
        notice = Notice.objects.create(incident=incident, kind="acknowledged", at=now, by=by, text=text)
        told = Delivery.objects.filter(notice__incident=incident, notice__kind="firing", state="sent")
        deliver(notice, list(told.order_by().values_list("channel_id", "recipient").distinct()), now)
        transaction.on_commit(partial(seen.told, incident))


@transaction.atomic
def close(incident: Incident, now: datetime, *, by: User) -> None:
    """A person says that it is over: its alerts end, and who was told hears of it."""
    chosen = incident.alerts.open().select_related("rule", "server", "series", "incident")
    for alert in chosen.select_for_update(of=("self",)):
        track = Track(judged=alert.judged, value=alert.value)
        resolve(alert, track, now, text=f"{alert.server.name}: {alert.rule.name} was closed by {by}.")
    if Incident.objects.open().filter(pk=incident.pk).update(resolved_at=now):
        transaction.on_commit(partial(seen.told, incident))
    transaction.on_commit(partial(runner.wake, ALERTS_CHANGED))
