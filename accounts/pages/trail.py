"""The audit trail as a page: who did what to what, when and over what, and how it was before."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse

from accounts import reading
from accounts.act_names import deed, field_name
from accounts.auth import me
from accounts.base import MANAGE
from accounts.models import Audit, Team
from accounts.pages.base import show, team_of
from accounts.pages.forms import TrailForm
from core.pages import page

PER_PAGE = 50
FORMATS = {
    "csv": (reading.as_csv, "text/csv; charset=utf-8"),
    "json": (reading.as_json, "application/json; charset=utf-8"),
}


@page
def everything(request: HttpRequest) -> HttpResponse:
    """Of all teams one manages; a site owner's also has what belongs to none."""
    if not me(request).is_superuser and not Team.objects.visible_to(me(request), MANAGE).exists():
        raise Http404
    return _trail(request, Audit.objects.visible_to(me(request), MANAGE), None)


@page
def of_team(request: HttpRequest, uuid: UUID) -> HttpResponse:
    team = team_of(request, uuid, MANAGE)
    return _trail(request, Audit.objects.visible_to(me(request), MANAGE).filter(team=team), team)


def _trail(request: HttpRequest, rows: QuerySet[Audit], team: Team | None) -> HttpResponse:
    form = TrailForm(request.GET)
    rows_seen = rows
    rows = reading.chosen(rows, _asked(form)) if form.is_valid() else rows.none()
    if request.GET.get("format") in FORMATS:
        return _taken(rows, request.GET["format"])
    before = request.GET.get("before", "")
    found = reading.page(rows, int(before) if before.isdecimal() and len(before) < 19 else None, PER_PAGE)
    asked = {name: value for name, value in request.GET.items() if value and name in form.fields}
    context: dict[str, Any] = {
        "form": form, "team": team, "query": urlencode(asked), "asked": asked, "older": found.older,
        "later": bool(before), "rows": _lines(found.rows, rows_seen),
    }  # fmt: skip
    return show(request, "trail", "audit", **context)


def _lines(rows: list[Audit], seen: QuerySet[Audit]) -> list[dict[str, Any]]:
    names = reading.names(rows, seen)
    return [_line(row, names) for row in rows]


def _line(row: Audit, names: dict[str, str]) -> dict[str, Any]:
    changes = [(field_name(one.field), one) for one in reading.changes(row, names)]
    return {"row": row, "who": reading.who(row), "did": deed(row.action), "changes": changes}


def _asked(form: TrailForm) -> reading.Asked:
    given = form.cleaned_data
    return reading.Asked(
        who=given["who"], action=given["action"], target=given["target"], over=given["over"],
        since=form.midnight("from"), until=form.midnight("to", 1),
    )  # fmt: skip


def _taken(rows: QuerySet[Audit], kind: str) -> HttpResponse:
    write, media = FORMATS[kind]
    answer = StreamingHttpResponse(write(rows), content_type=media)
    answer["Content-Disposition"] = f'attachment; filename="audit.{kind}"'
    return answer  # type: ignore[return-value]
