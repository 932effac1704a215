"""Move alerts, their incidents and their notices together, in the transaction of whoever judged.

However many move, it costs a handful of queries: all is read first, changed in memory, written at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from alerts import messages
from alerts.engine import Limits, Track
from alerts.models import Alert, Incident
from alerts.services.work import Work, lock
from core.locking import again, locked

ALERTS_CHANGED = "alerts-changed"

Key = tuple[int, int, int]  # rule, server, series


@dataclass(frozen=True, slots=True)
class Change:
    """One series of one server stands elsewhere with a rule than before."""

    key: Key
    before: Track
    after: Track
    limits: Limits

    @property
    def news(self) -> bool:
        """It is bad, or worse than told."""
        fresh = self.before.state in {"ok", "pending"} or self.after.severity > self.before.severity
        return self.after.state == "firing" and fresh


@again
@transaction.atomic
def apply(changes: Sequence[Change], now: datetime) -> None:
    """All that one look at the journal changed, in the order of time; one that is not open raises DoesNotExist."""
    work = Work(now)
    work.read([change.key for change in changes])
    for change in changes:
        _apply(work, change)
    work.save()


def _apply(work: Work, change: Change) -> None:
    after = change.after
    severity = messages.severity_name(after.severity)
    limit = change.limits.limit(after.severity)
    alert = work.open(change.key, after, severity, limit) if change.before.state == "ok" else work.known(change.key)
    if after.state == "ok":
        work.resolve(alert, after)
    elif change.news:
        work.fire(alert, after, severity, limit)
    else:
        work.keep(alert, after, *((severity, limit) if after.severity else (alert.severity, alert.limit)))


@transaction.atomic
def end(
    chosen: QuerySet[Alert], say: Callable[[Alert], str], now: datetime, *, by_hand: str = "", ended: str = ""
) -> None:
    """These end though no sample says so: `by_hand` of a person, or for another reason that messages know.

    Who was told of the trouble is told of its end; an alert that nobody heard of just goes. Incidents are locked
    before alerts, as by whoever judges.
    """
    lock(Incident.objects.filter(pk__in=chosen.order_by().values("incident")))
    rows = chosen.select_related("rule__team", "server", "series", "incident").order_by("pk")
    alerts = list(locked(rows))
    work = Work(now)
    work.adopt(alerts)
    for alert in alerts:
        work.resolve(alert, Track(judged=alert.judged, value=alert.value), say(alert))
    why = {name: value for name, value in (("closed_by", by_hand), ("ended", ended)) if value}
    for notice in work.notices:
        notice.facts.update(why)
    work.save()
