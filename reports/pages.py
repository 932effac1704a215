"""The pages of reports: ask, look, take away, and have one sent."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.auth import me
from accounts.base import REPORT
from accounts.models import Team
from accounts.services import mail_ready as ready
from alerts.models import Incident
from core.errors import Failure
from core.pages import page
from reports import services, shown
from reports.answering import answer_with
from reports.forms import RunForm, ScheduleForm
from reports.models import DONE, OPEN, Run, Schedule
from reports.services import files, mailing, schedules
from reports.services.asking import Refused

SHOWN = 30


def show(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    open_ = Incident.objects.visible_to(request.user).open()
    causes = open_.exclude(parent__in=open_.order_by().values("pk")).count()
    return render(request, f"reports/{template}.html", {"page": "reports", "open_incidents": causes, **context})


@page
def index(request: HttpRequest) -> HttpResponse:
    may = me(request).may(REPORT, some=True)
    if request.method == "POST" and not may:
        raise PermissionDenied
    form = RunForm(me(request), request.POST or None, request.GET.get("kind", ""))
    if request.method == "POST" and form.is_valid():
        try:
            return redirect("report", uuid=services.ask(form.wish(), by=me(request)).uuid)
        except Refused as fault:
            form.add_error(fault.field if fault.field in form.fields else None, str(fault))
    runs = Run.objects.visible_to(request.user).select_related("schedule").prefetch_related("sendings")
    runs = runs.order_by("-pk")[:SHOWN]
    listed = Schedule.objects.visible_to(request.user).select_related("team").order_by("name", "pk")
    whole = Team.objects.visible_to(request.user, REPORT).exists()
    return show(
        request, "index", form=form, may=may, whole=whole, runs=[shown.run(one) for one in runs],
        schedules=[shown.schedule(one) for one in listed],
    )  # fmt: skip


def _run(request: HttpRequest, uuid: UUID) -> Run:
    run = Run.objects.visible_to(request.user).select_related("schedule", "team").filter(uuid=uuid).first()
    if run is None:
        raise Http404
    return run


@page
def report(request: HttpRequest, uuid: UUID) -> HttpResponse:
    run = _run(request, uuid)
    if request.method == "POST":
        return _acted(request, run)
    document = files.document(run) if run.state == DONE else None
    return show(
        request, "report", run=shown.run(run), document=document, waits=run.state in OPEN,
        sections=shown.sections(document) if document else [],
    )  # fmt: skip


def _acted(request: HttpRequest, run: Run) -> HttpResponse:
    """Called off, or forgotten."""
    if "forget" in request.POST:
        services.forget(run, by=me(request))
        messages.success(request, _("The report is deleted."))
        return redirect("reports")
    if "cancel" in request.POST and services.cancel(run, by=me(request)):
        messages.success(request, _("The report is called off."))
    return redirect("report", uuid=run.uuid)


@page
def file(request: HttpRequest, uuid: UUID, form: str) -> HttpResponse:
    run = _run(request, uuid)
    try:
        if run.state != DONE:
            raise Failure(_("The report is not done yet."))  # noqa: TRY301 - said as all others are
        return cast("HttpResponse", answer_with(run, form, request.GET.get("section", "")))
    except Failure as fault:
        messages.error(request, fault.detail)
        return redirect("report", uuid=run.uuid)


@page
def new_schedule(request: HttpRequest) -> HttpResponse:
    if not Team.objects.visible_to(request.user, REPORT).exists():
        raise PermissionDenied
    return _edit(request, Schedule())


@page
def edit_schedule(request: HttpRequest, uuid: UUID) -> HttpResponse:
    schedule = Schedule.objects.visible_to(request.user).select_related("team").filter(uuid=uuid).first()
    if schedule is None:
        raise Http404
    if not me(request).may(REPORT, schedule.team):
        raise PermissionDenied
    if request.method == "POST" and "remove" in request.POST:
        services.unschedule(schedule, by=me(request))
        messages.success(request, _("It is sent no more."))
        return redirect("reports")
    return _edit(request, schedule)


def _edit(request: HttpRequest, schedule: Schedule) -> HttpResponse:
    before = schedules.told(schedule) if schedule.pk else None
    form = ScheduleForm(me(request), schedule, request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.fill(schedule)
        try:
            services.save(schedule, by=me(request), before=before)
        except Refused as fault:
            form.add_error(fault.field if fault.field in form.fields else None, str(fault))
        else:
            _told_saved(request, schedule)
            return redirect("reports")
    warning = "" if ready() else _(mailing.NO_SERVER)
    return show(request, "schedule", form=form, schedule=schedule, warning=warning)


def _told_saved(request: HttpRequest, schedule: Schedule) -> None:
    if ready():
        at = shown.moment(schedule.next_at)
        messages.success(request, _("Saved. The next one is sent %(at)s.") % {"at": at})
    else:
        messages.success(request, _("Saved."))
        messages.warning(request, _(mailing.NO_SERVER))


@csrf_exempt  # mail programs send it without ever having seen a page; the link itself is the proof
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """Works without being signed in. A mail scanner that opens every link presses no button."""
    found = schedules.stop(token)
    if found is None:
        return render(request, "reports/stop.html", {"dead": True}, status=410)
    schedule, address = found
    if request.method == "POST":
        schedules.end_for(schedule, address)
    context = {"schedule": schedule, "address": address, "done": request.method == "POST"}
    return render(request, "reports/stop.html", context)
