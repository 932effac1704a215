"""The pages of checks: the list, one check, its form and its buttons."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.auth import me
from accounts.base import MANAGE
from accounts.models import User
from checks import services
from checks.models import DOWN, FAILING, LATE, NEW, UP, Check, Signal
from core.clock import milliseconds
from core.errors import Conflict, Failure
from dashboards.checks import drawn, lately
from dashboards.checks.forms import OF_KIND, CheckForm
from dashboards.told import told
from dashboards.views import show

PER_PAGE = 25
FIRST_KIND = "http"
LONGEST = 2 * 366 * 86_400_000
DAY = 86_400_000
SPANS = {"3h": DAY // 8, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
EVENTS, SIGNALS = 20, 20
KINDS = {
    "http": gettext_lazy("Web address"), "tcp": gettext_lazy("TCP port"), "ping": gettext_lazy("Ping"),
    "dns": gettext_lazy("DNS"), "heartbeat": gettext_lazy("Heartbeat"),
}  # fmt: skip
WORDS = {
    UP: gettext_lazy("Up"), DOWN: gettext_lazy("Down"), FAILING: gettext_lazy("Failing"), LATE: gettext_lazy("Late"),
    NEW: gettext_lazy("Waiting"), "paused": gettext_lazy("Paused"),
}  # fmt: skip
TONES = {UP: "ok", DOWN: "crit", FAILING: "warn", LATE: "warn", NEW: "off", "paused": "off"}
PARTS = {
    "name": gettext_lazy("Name lookup"), "connect": gettext_lazy("Connect"), "tls": gettext_lazy("TLS"),
    "first_byte": gettext_lazy("First byte"), "body": gettext_lazy("Body"),
}  # fmt: skip
FAMOUS = {"crit": 0, "warn": 1, "off": 2, "ok": 3}


@login_required
@require_GET
def checks(request: HttpRequest) -> HttpResponse:
    """All that one may see: what is wrong first."""
    mine = Check.objects.visible_to(request.user)
    q = request.GET.get("q", "").strip()[:120]
    found = _in_order(mine.filter(name__icontains=q) if q else mine)
    rows = Paginator([number for _tone, number in found], PER_PAGE).get_page(request.GET.get("page"))
    shown = mine.select_related("team", "server", "run").in_bulk(list(rows.object_list))
    end = milliseconds()
    listed = [{**_standing(row), **lately.of(row, end)} for number in rows.object_list if (row := shown.get(number))]
    return show(
        request, "dashboards/checks.html", "checks", {"checks": [_brief(one) for one in listed]},
        rows=rows, listed=listed, q=q, all=len(found), down=sum(tone == "crit" for tone, _number in found),
        may_make=me(request).may(MANAGE, some=True), kinds=KINDS.items(),
    )  # fmt: skip


def _in_order(mine: QuerySet[Check]) -> list[tuple[str, int]]:
    """Tone and number of each, what is wrong first; a page shows few of them."""
    listed = mine.order_by("name", "pk").values_list("pk", "paused", "run__state")
    found = [(TONES["paused" if paused else state or NEW], number) for number, paused, state in listed]
    return sorted(found, key=lambda one: FAMOUS[one[0]])


@login_required
@require_GET
def check(request: HttpRequest, uuid: str) -> HttpResponse:
    """One check: how it stands, what it found, and when it was down."""
    row = _seen(request, uuid)
    span, start, end = _asked(request)
    past = services.history(row, start, end, bars=60)
    may_manage = Check.objects.visible_to(request.user, MANAGE).filter(pk=row.pk).exists()
    events = services.events(row).visible_to(request.user).order_by("-at", "-pk")[:EVENTS]
    signals = Signal.objects.visible_to(request.user).filter(check_ref=row).order_by("-at", "-pk")[:SIGNALS]
    return show(
        request, "dashboards/check.html", "check", {"check": _brief(_standing(row))},
        **_standing(row), past=past, bars=drawn.bars(past, 720), chart=drawn.chart(past), span=span, spans=SPANS,
        start=past.start / 1000, end=past.end / 1000, events=events, signals=signals, may_manage=may_manage,
        seen_at=milliseconds() / 1000,
        lines=_lines(row) if row.kind == "heartbeat" and may_manage else {},
        parts=[(name, word, row.run.parts.get(name)) for name, word in PARTS.items() if name in row.run.parts],
        errors=services.standing.error_percent(row.run.recent), words=PARTS,
    )  # fmt: skip


def _lines(row: Check) -> dict[str, str]:
    """What a job runs to tell that it ended: by itself, and behind its line in a crontab."""
    tell = f"curl -fsS -m 10 --retry 3 -o /dev/null {settings.SITE_URL}/ping/{row.ping_key}"
    return {"end": tell, "cron": f"{row.config.get('cron') or '30 3 * * *'} /usr/local/bin/job; {tell}/$?"}


def _asked(request: HttpRequest) -> tuple[str, int, int]:
    """A time up to now by its name, or one that is over by its ends in seconds, as reports link to it."""
    present = milliseconds()
    try:
        start, end = (1000 * int(request.GET[name]) for name in ("from", "to"))
    except (KeyError, ValueError):
        start = end = 0
    if 0 < start < end and end - start <= LONGEST and start < present:
        return "", start, min(end, present)
    span = request.GET.get("span", "24h")
    span = span if span in SPANS else "24h"
    return span, present - SPANS[span], present


@login_required
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """The form of a kind; "Try it now" looks once and keeps nothing."""
    user = me(request)
    if not user.may(MANAGE, some=True):
        raise PermissionDenied
    kind = request.GET.get("kind", FIRST_KIND)
    if kind not in OF_KIND:
        messages.warning(request, _("There is no such kind of check. Choose one of these."))
        return redirect(f"{request.path}?kind={FIRST_KIND}")
    form = CheckForm(user, kind, None, request.POST or None)
    tried = None
    if request.method == "POST" and form.is_valid():
        if request.POST.get("do") == "try":
            tried = _tried(form, user)
        elif made := _kept(form, user):
            return redirect("check", uuid=made.uuid)
    more = {"form": form, "kind": kind, "kinds": KINDS.items(), "tried": tried}
    return show(request, "dashboards/check_form.html", "check", {}, **more)


def _kept(form: CheckForm, by: User) -> Check | None:
    """The check as it was made; what somebody else did meanwhile is said in the form."""
    made = form.made()
    try:
        return services.make(made, server=form.server(), tags=form.cleaned_data["tags"], by=by)
    except (Conflict, IntegrityError) as fault:
        form.add_error(None, fault.detail if isinstance(fault, Conflict) else _("This name is taken in the team."))
        return None


def _changed(row: Check, form: CheckForm, by: User) -> bool:
    try:
        services.change(row, form.wanted(), by=by)
    except (Conflict, IntegrityError) as fault:
        form.add_error(None, fault.detail if isinstance(fault, Conflict) else _("This name is taken in the team."))
        return False
    return True


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, uuid: str) -> HttpResponse:
    row = _managed(request, uuid)
    form = CheckForm(me(request), row.kind, row, request.POST or None)
    tried = None
    if request.method == "POST" and form.is_valid():
        if request.POST.get("do") == "try":
            tried = _tried(form, me(request))
        elif _changed(row, form, me(request)):
            if row.alone:
                services.tag(row, form.cleaned_data["tags"], by=me(request))
            messages.success(request, _("Saved."))
            return redirect("check", uuid=row.uuid)
    more = {"form": form, "kind": row.kind, "row": row, "tried": tried}
    return show(request, "dashboards/check_form.html", "check", {}, **more)


@login_required
@require_POST
def act(request: HttpRequest, uuid: str) -> HttpResponse:
    """One of the buttons of its page."""
    row, by = _managed(request, uuid), me(request)
    wanted = request.POST.get("do", "")
    if wanted == "remove":
        services.remove(row, by=by)
        messages.success(request, _("%(name)s is no longer checked.") % {"name": row.name})
        return redirect("checks")
    if wanted in {"pause", "resume"}:
        services.change(row, {"paused": wanted == "pause"}, by=by)
    elif wanted == "try" and row.kind != "heartbeat" and not row.by_agent:
        try:
            found = services.attempt(row, by=by)
        except Failure as fault:
            messages.warning(request, fault.detail)
        else:
            (messages.success if found.ok else messages.warning)(request, told(found.said))
    return redirect("check", uuid=row.uuid)


def _tried(form: CheckForm, by: User) -> services.Outcome | None:
    """What a look found that is not kept; why there is none is said in the form."""
    made = form.made()
    if made.kind == "heartbeat":
        return None
    if made.by_agent:
        said = _("The hub cannot try what an agent looks at. It tells with its next report.")
        form.add_error("by_agent" if "by_agent" in form.fields else None, said)
        return None
    try:
        return services.attempt(made, by=by)
    except Failure as fault:
        form.add_error(None, fault.detail)
        return None


def _standing(row: Check) -> dict[str, Any]:
    state = services.state_of(row.run, row)
    return {
        "row": row, "run": row.run, "state": state, "word": WORDS[state], "tone": TONES[state],
        "kind": KINDS[row.kind],
    }  # fmt: skip


def _brief(one: dict[str, Any]) -> dict[str, Any]:
    run = one["run"]
    at = run.at.timestamp() if run.at else None
    return {
        "id": str(one["row"].uuid),
        "name": one["row"].name,
        "state": one["state"],
        "said": told(run.said),
        "at": at,
    }


def _seen(request: HttpRequest, uuid: str) -> Check:
    mine = Check.objects.visible_to(request.user).select_related("team", "server", "run")
    row = mine.filter(uuid=uuid).first()
    if row is None:
        raise Http404
    return row


def _managed(request: HttpRequest, uuid: str) -> Check:
    mine = Check.objects.visible_to(request.user, MANAGE).select_related("team", "server", "run")
    row = mine.filter(uuid=uuid).first()
    if row is None:
        raise Http404
    return row
