"""The end of the demo fleet: its servers, what they told and what was said about them."""

from __future__ import annotations

from accounts.models import User
from alerts.models import Incident
from servers import services
from servers.models import Enrolment, Server


def remove(chosen: list[Server], *, by: User | None = None) -> int:
    """Remove those of them that are simulated, and say how many; their feeder ends by itself, refused at the door.

    Their incidents go with them: no report shall count what never was.
    """
    simulated = [server for server in chosen if server.demo]
    about = list(Incident.objects.filter(alerts__server__in=simulated).values_list("pk", flat=True))
    count = services.remove(simulated, by=by)
    Incident.objects.filter(pk__in=about, alerts=None).delete()  # alerts went with their servers
    Enrolment.objects.filter(demo=True, team__in={server.team_id for server in simulated}).delete()
    return count
