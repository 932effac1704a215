"""The first page: all servers one may see, packed small, and what is wrong with them."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.base import ACT, MANAGE, REPORT
from accounts.models import Team, User
from alerts.models import Channel, Incident
from core.clock import now
from dashboards.fleet import packed, troubles
from dashboards.fleet.ahead import next_out
from dashboards.views import OPEN_SHOWN, may, opened, sequences, show
from servers.models import Server

PUT_AWAY = "welcome"  # the cookie of the page of first steps


@login_required
@require_GET
def fleet(request: HttpRequest) -> HttpResponse:
    """A constant number of questions, however many servers there are."""
    # Numbers first: what happens while the rest is read comes again live, and is never missed.
    seq = sequences(request, "fleet", "incidents")
    at = now().timestamp()
    # As plain rows: a thousand models cost as much as all the rest of the page.
    servers = list(Server.objects.visible_to(request.user).order_by("name").values_list(*packed.FIELDS, named=True))
    teams = dict(Team.objects.visible_to(request.user).values_list("pk", "name"))
    manages = may(request, MANAGE)
    open_ = opened(Incident.objects.visible_to(request.user))
    props = {
        "now": at,
        "seq": seq,
        "fleet": packed.fleet(servers, teams, int(at)),
        "incidents": troubles.briefly(open_),
        "acts": may(request, ACT),
        "manages": manages,
        "reports": may(request, REPORT),
    }
    if cast("User", request.user).simple:
        props["ahead"] = next_out(request.user)
    demo = sum(one.demo for one in servers)
    may_remove = demo > 0 and any(one.demo and teams.get(one.team_id) in manages for one in servers)
    left = _first_steps(request, servers) if manages else ""
    more = {"demo": demo, "may_remove_demo": may_remove, "first_steps": left}
    if len(open_) < OPEN_SHOWN:
        more["open_incidents"] = _causes(open_)
    return show(request, "dashboards/fleet.html", "fleet", props, **more)


def _causes(all_open: list[Incident]) -> int:
    """As `views.causes` counts them, where all are at hand."""
    there = {one.pk for one in all_open}
    return sum(one.parent_id not in there for one in all_open)


def _first_steps(request: HttpRequest, servers: list[Any]) -> str:
    """What is still to be done first, until that is done or put away."""
    if PUT_AWAY in request.COOKIES:
        return ""
    if not Channel.objects.visible_to(request.user).filter(enabled=True).exists():
        return _("Nobody is told of alerts yet.")
    return _("Only one server is watched so far.") if len(servers) == 1 else ""
