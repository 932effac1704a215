"""The end of the demo fleet: its servers, what they told and what was said about them."""

from __future__ import annotations

from functools import partial

from django.db import transaction

from accounts.models import User
from alerts.models import Incident
from alerts.services import ALERTS_CHANGED, rules_changed
from core.runner import wake
from servers.models import Enrolment, Server


@transaction.atomic
def remove(chosen: list[Server], *, by: User | None = None) -> int:
    """Remove those of them that are simulated, and say how many; their feeder ends by itself, refused at the door.

    Their incidents go with them: no report shall count what never was.
    """
    simulated = [server for server in chosen if server.demo]
    Incident.objects.filter(alerts__server__in=simulated).delete()
    Server.objects.filter(pk__in=[server.pk for server in simulated]).delete()
    Enrolment.objects.filter(demo=True, team__in={server.team_id for server in simulated}).delete()
    rules_changed()
    transaction.on_commit(partial(wake, ALERTS_CHANGED))
    return len(simulated)
