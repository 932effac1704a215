"""Who is called next where nobody takes a trouble, so that whoever reads it knows how long they have."""

from __future__ import annotations

from datetime import timedelta, tzinfo
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import User
from alerts.chains import TELLING
from alerts.messages.moments import clock, moment
from alerts.messages.plain import word
from alerts.models import Channel, Incident, Schedule, Step

NAMED: dict[str, Any] = {"person": User, "channel": Channel, "on_call": Schedule}
ARGS = {"person": "person", "channel": "channel", "on_call": "schedule"}
SOON = timedelta(hours=12)  # later ones need their day


def call(incident: Incident, zone: tzinfo) -> str:
    """`Maria at 03:25`; empty where no step of a chain is still to come."""
    waiting = Step.objects.filter(incident=incident, done_at=None, kind__in=TELLING)
    step = waiting.order_by("due_at", "place").first()
    if step is None or incident.resolved_at or incident.acknowledged_at:
        return ""
    near = step.due_at - incident.opened_at < SOON
    said = {"name": _whom(step, incident), "time": (clock if near else moment)(step.due_at, zone)}
    return _("%(name)s at %(time)s") % said if said["name"] else ""


def _whom(step: Step, incident: Incident) -> str:
    if step.kind == "team":
        return _("everybody on duty in the team %(team)s") % {"team": word(incident.team.name)}
    try:
        named = NAMED[step.kind].objects.filter(uuid=UUID(step.args[ARGS[step.kind]])).first()
    except (KeyError, TypeError, ValueError):
        return ""  # the step tells the team instead when its time comes, and says so
    if isinstance(named, Schedule):
        return _("whoever is on call in %(schedule)s") % {"schedule": word(named.name)}
    return word(named or "")
