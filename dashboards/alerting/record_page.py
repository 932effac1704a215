"""The record as a page: what was said to whom, and what the providers answered, newest first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import get_current_timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from alerts.models import Channel, Delivery, Incident, Notice
from alerts.services import record, said
from core.days import Day
from dashboards.alerting.hushed import why
from dashboards.views import show
from servers.models import Server

PER_PAGE = 50
KINDS = {
    "firing": gettext_lazy("Began"), "resolved": gettext_lazy("Ended"), "acknowledged": gettext_lazy("Acknowledged"),
    "unacknowledged": gettext_lazy("Given back"), "escalated": gettext_lazy("Escalated"),
    "repeat": gettext_lazy("Said again"), "reminder": gettext_lazy("Reminder"), "note": gettext_lazy("Note"),
    "digest": gettext_lazy("Digest"), "test": gettext_lazy("Test"),
}  # fmt: skip
STATES = {
    "sent": gettext_lazy("Sent"), "waiting": gettext_lazy("Waiting"), "dead": gettext_lazy("Given up"),
    "dropped": gettext_lazy("No longer needed"), "held": gettext_lazy("Held back"),
    "not told": gettext_lazy("Not told"),
}  # fmt: skip
SELECTED = SafeString(" selected")
TONES = {"sent": "ok", "waiting": "warn", "dead": "crit"}


class Filters(forms.Form):
    """What the record may be asked for; what cannot be read is said beside its field."""

    incident = forms.UUIDField(required=False)
    server = forms.UUIDField(required=False)
    channel = forms.UUIDField(required=False)
    kind = forms.ChoiceField(choices=[("", ""), *KINDS.items()], required=False)
    state = forms.ChoiceField(choices=[("", ""), *STATES.items()], required=False)
    # "from" is a word of Python; the address says it as the API does.
    to = Day(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["from"] = Day(required=False)


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    asked = Filters(request.GET)
    rows = chosen(Notice.objects.visible_to(request.user), asked)
    if request.GET.get("format") == "csv":
        answer = HttpResponse(record.as_csv(rows), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="record.csv"'
        return answer
    number = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    asked_for = {name: request.GET.get(name, "") for name in asked.fields}
    context = {
        "rows": [line(notice) for notice in number], "number": number, "asked": asked_for, "faults": asked.errors,
        "query": query.urlencode(), "kinds": KINDS.items(), "states": STATES.items(),
        **_names(request, asked),
    }  # fmt: skip
    return show(request, "dashboards/record.html", "record", {}, **context)


def chosen(rows: QuerySet[Notice], asked: Filters) -> QuerySet[Notice]:
    """As the API's filters; days instead of moments, and a wrong filter finds nothing rather than everything."""
    if not asked.is_valid():
        return rows.none()
    wanted = asked.cleaned_data
    if wanted["incident"]:
        rows = rows.filter(incident__uuid=wanted["incident"])
    if wanted["server"]:
        # What speaks of no single alert, such as a bundle or an answer, is about every server of its incident.
        whole = Incident.objects.filter(alerts__server__uuid=wanted["server"])
        rows = rows.filter(Q(alert__server__uuid=wanted["server"]) | Q(alert=None, incident__in=whole))
    if wanted["kind"]:
        rows = rows.filter(kind=wanted["kind"])
    if wanted["channel"]:
        rows = rows.filter(pk__in=Delivery.objects.filter(channel__uuid=wanted["channel"]).values("notice"))
    if wanted["from"]:
        rows = rows.filter(at__gte=_midnight(wanted["from"]))
    if wanted["to"]:
        rows = rows.filter(at__lt=_midnight(wanted["to"] + timedelta(days=1)))
    return record.told(_in_state(rows, wanted["state"])).order_by("-pk")


def _in_state(rows: QuerySet[Notice], state: str) -> QuerySet[Notice]:
    if state in Delivery.STATES:
        return rows.filter(pk__in=Delivery.objects.filter(state=state).values("notice"))
    return rows.filter(told_at__isnull=state == "held").exclude(held="") if state else rows


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=get_current_timezone())


def line(notice: Notice) -> dict[str, Any]:
    state = notice.state
    return {
        "at": notice.at,
        "kind": KINDS.get(notice.kind, notice.kind),
        "text": said.again(notice),
        "by": notice.by,
        "held": why(notice.held),
        "told_in": notice.told_in if notice.told_in_id != notice.pk else None,
        "state": STATES.get(state, "") if state in {"held", "not told"} else "",
        "incident": notice.incident,
        "server": notice.alert.server if notice.alert else None,
        "deliveries": [_sent(one) for one in notice.deliveries.all()],
    }


def _sent(one: Delivery) -> dict[str, Any]:
    shown = record.delivered(one)
    return {**shown, "word": STATES.get(one.state, one.state), "tone": TONES.get(one.state, "off")}


def _names(request: HttpRequest, asked: Filters) -> dict[str, Any]:
    """What stands in the lists to choose from, and the names of what was chosen."""
    given = asked.cleaned_data if asked.is_valid() else {}
    channels = Channel.objects.visible_to(request.user).of_teams().order_by("name")
    # As plain pairs: a thousand models and a template's loop over them cost half of the page.
    servers = (
        Server.objects.visible_to(request.user).filter(internal=False).order_by("name").values_list("uuid", "name")
    )
    mine = Incident.objects.visible_to(request.user)
    incident = mine.filter(uuid=given["incident"]).first() if given.get("incident") else None
    return {"channels": channels, "servers": _options(servers, str(given.get("server") or "")), "incident": incident}


def _options(named: Iterable[tuple[UUID, str]], chosen: str) -> SafeString:
    return format_html_join(
        "\n",
        '<option value="{}"{}>{}</option>',
        ((uuid, SELECTED if str(uuid) == chosen else "", name) for uuid, name in named),
    )
