"""Troubles that are no alert on a server: told once to the right people, and to their end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from accounts.models import Team
from alerts.models import Incident, Notice
from alerts.services import seen
from core import runner
from core.locking import locked


@transaction.atomic
def trouble_begins(  # noqa: PLR0913 - one trouble
    key: str,
    team: Team,
    text: str,
    now: datetime,
    *,
    severity: str = "critical",
    notify: Sequence[dict[str, Any]] = (),
    about: Mapping[str, Any] | None = None,
) -> Incident:
    """Open it and leave a notice, for these targets or the team's usual ones; while it is open nothing is added.

    `about` is what its message is written from in the reader's language; without it the text goes out as it is.
    """
    fields = {"team": team, "title": text[:300], "severity": severity, "opened_at": now, "next_at": now}
    fields["said"] = dict(about or {})
    incident, made = Incident.objects.get_or_create(key=key, resolved_at=None, defaults=fields)
    if made:
        facts = {"severity": severity, "notify": list(notify), **(about or {})}
        Notice.objects.create(incident=incident, kind="firing", at=now, text=text[:400], facts=facts)
        _after(incident)
    return incident


@transaction.atomic
def trouble_ends(key: str, text: str, now: datetime, *, about: Mapping[str, Any] | None = None) -> None:
    """Close it; who was told of it is told of its end. Without an open one nothing happens."""
    incident = locked(Incident.objects.open()).filter(key=key).first()
    if incident is None:
        return
    incident.resolved_at = incident.next_at = now
    incident.save(update_fields=["resolved_at", "next_at"])
    facts = {"severity": incident.severity, **(about or {})}
    Notice.objects.create(incident=incident, kind="resolved", at=now, text=text[:400], facts=facts)
    _after(incident)


def _after(incident: Incident) -> None:
    transaction.on_commit(partial(seen.told, incident))
    transaction.on_commit(partial(runner.wake, "telling"))
