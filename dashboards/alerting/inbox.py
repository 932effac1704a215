"""The inbox, an incident with all that stands around it, and the small lines beside their titles."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from accounts.auth import me
from accounts.base import ACT
from accounts.models import Team
from alerts.models import Alert, Incident
from core.clock import milliseconds, now
from dashboards.alerting import around_incident, story
from dashboards.alerting import incidents as shown_as
from dashboards.views import incidents, may, sequences, show
from metrics.base import TooMuch
from metrics.store import query

RESOLVED_SHOWN = 50
MEMBERS_SHOWN = 2000
SPARKS, SPARK_POINTS, SPARK_WIDTH = 40, 48, 3_600_000
# Rules without a series of their own: there is nothing to draw.
DERIVED = {"", "silent_seconds", "condition"}


@login_required
@require_GET
def alerts(request: HttpRequest) -> HttpResponse:
    seq = sequences(request, "incidents")
    person = me(request)
    mine = Team.objects.filter(memberships__user=person.pk).order_by("pk")
    props = {
        "now": now().timestamp(),
        "seq": seq,
        "incidents": incidents(request, resolved=RESOLVED_SHOWN),
        "me": str(person.uuid),
        "told": shown_as.told_to(person),
        "acts": may(request, ACT),
        "teams": list(mine.values_list("name", flat=True)),
    }
    return show(request, "dashboards/alerts.html", "alerts", props)


def _visible(request: HttpRequest, uuid: str) -> Incident:
    row = Incident.objects.visible_to(request.user).select_related("parent").filter(uuid=uuid).first()
    if row is None:
        raise Http404
    return row


@login_required
@require_GET
def incident(request: HttpRequest, uuid: str) -> HttpResponse:
    seq = sequences(request, "incidents")
    row = _visible(request, uuid)
    person = me(request)
    props = {
        "now": now().timestamp(),
        "seq": seq,
        "incident": shown_as.incident(row),
        "timeline": story.timeline(row),
        "members": shown_as.members(row),
        "coming": shown_as.coming(row),
        "acts": may(request, ACT),
        "me": str(person.uuid),
        **shown_as.family(row),
        **around_incident.around(row, person),
    }
    return show(request, "dashboards/incident.html", "incident", props)


@login_required
@require_GET
def members(request: HttpRequest, uuid: str) -> HttpResponse:
    """Every alert an incident holds, for those who want more than the first ones."""
    row = _visible(request, uuid)
    return JsonResponse({"members": shown_as.members(row, count=MEMBERS_SHOWN)})


@login_required
@require_GET
def sparks(request: HttpRequest) -> HttpResponse:
    """What broke each rule, for those in sight: its last hour as one line an incident, and its newest value.

    Whoever keeps the values fresh leaves the lines out: each is a question of its own.
    """
    asked = [uuid for text in request.GET.get("ids", "").split(",")[:SPARKS] if (uuid := _uuid(text))]
    rows = shown_as.speaking(list(Incident.objects.visible_to(request.user).filter(uuid__in=asked)))
    end = milliseconds()
    span = query.Range(end - SPARK_WIDTH, end, SPARK_POINTS)
    drawn = [] if request.GET.get("lines") == "no" else rows
    lines = {str(row.uuid): line for row in drawn if (line := _line(row.speaking[0], span))}
    newest = {str(row.uuid): shown_as.newest(row.speaking[0]) for row in rows}
    return JsonResponse({"start": span.start / 1000, "end": end / 1000, "lines": lines, "newest": newest})


def _line(alert: Alert, span: query.Range) -> list[float | None] | None:
    metric = alert.series.metric
    if metric in DERIVED:
        return None
    try:
        found = query.series(alert.server_id, [metric], span)["series"]
    except TooMuch:
        return None
    same: Any = next((one for one in found if dict(one["labels"]) == alert.labels), None)
    return [None if value != value else float(value) for value in same["v"]] if same else None  # noqa: PLR0124 - NaN


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
