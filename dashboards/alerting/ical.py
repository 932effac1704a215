"""A schedule as a calendar file: who is on call when, for the coming months."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from alerts.models import Schedule
from alerts.services import schedules
from core.clock import now

BEFORE, AHEAD = timedelta(days=7), timedelta(days=120)
LINE = 73  # octets of one line of a calendar


@login_required
@require_GET
def calendar(request: HttpRequest, uuid: str) -> HttpResponse:
    rows = Schedule.objects.visible_to(request.user).prefetch_related("rotations", "overrides__user")
    row = rows.select_related("team", "fallback").filter(uuid=uuid).first()
    if row is None:
        raise Http404
    answer = HttpResponse(written(row, now()), content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="on-call.ics"'
    return answer


def written(row: Schedule, at: datetime) -> str:
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Watchkeeper//On call//EN",
        f"X-WR-CALNAME:{_plain(row.name)}",
    ]
    for duty in schedules.shifts(row, at - BEFORE, at + AHEAD):
        if duty.user is None:
            continue
        title = _("%(name)s on call: %(schedule)s") % {"name": duty.user, "schedule": row.name}
        lines += [
            "BEGIN:VEVENT", f"UID:{row.uuid}-{int(duty.start.timestamp())}@watchkeeper", f"DTSTAMP:{_moment(at)}",
            f"DTSTART:{_moment(duty.start)}", f"DTEND:{_moment(duty.end)}", f"SUMMARY:{_plain(title)}", "END:VEVENT",
        ]  # fmt: skip
    return "".join(f"{_folded(line)}\r\n" for line in [*lines, "END:VCALENDAR"])


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _plain(text: str) -> str:
    for sign in ("\\", ";", ","):
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())


def _folded(line: str) -> str:
    """A line goes on in the next after a blank; no sign is cut in two."""
    parts, part = [], b""
    for sign in line:
        octets = sign.encode()
        if len(part) + len(octets) > LINE:
            parts.append(part)
            part = b""
        part += octets
    return "\r\n ".join(one.decode() for one in [*parts, part])
