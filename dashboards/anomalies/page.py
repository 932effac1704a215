"""The page about the unusual: now, the last day, past episodes with their answers, and the one slider."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.base import ACT, MANAGE
from accounts.models import Team, User
from core.clock import milliseconds, now
from core.errors import Failure
from dashboards.anomalies import looked, moved, odd
from dashboards.anomalies.seen import Seen
from dashboards.lately import Lately
from dashboards.views import may, show
from ml.models import Episode, Sensitivity
from ml.services import answers, lastweek, sensitivity
from servers.models import Server

SETTINGS = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 14.0, 28.0)
USUAL = 7.0
HOUR = 3600
A_WEEK = 160  # hours; some are always missing
MOST_MOVED = 12
meant: Lately[tuple[list[lastweek.Meant], int]] = Lately(60.0)
ANSWERS = {"normal", "not_normal"}


@login_required
@require_http_methods(["GET", "POST"])
def anomalies(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _act(request)
    user, at = _person(request), now()
    seen = Seen.of(user)
    stages, count = looked.stages(user, seen), looked.unusual(user)
    everything = request.GET.get("all") == "1"
    now_most, past_most = (looked.MOST_NOW, looked.MOST_PAST) if everything else (looked.FIRST_NOW, looked.FIRST_PAST)
    past = looked.past(user, at, most=past_most)
    teams = list(Team.objects.visible_to(user, MANAGE).order_by("name"))
    chosen = next((team for team in teams if str(team.uuid) == request.GET.get("team")), teams[0] if teams else None)
    context = {
        "stages": stages, "verdict": looked.verdict(stages, count), "unusual": looked.going_on(user, at, now_most),
        "strip": looked.strip(user, seen.fleet), "past": past, "odd": odd.odd(user, seen),
        "more_now": not everything and count > now_most, "more_past": not everything and len(past) == past_most,
        "acts": bool(may(request, ACT)), "teams": teams, "slider": _slider(user, chosen, seen),
        "moved": _moved(user, request.GET.get("at", "")),
    }  # fmt: skip
    return show(request, "dashboards/anomalies.html", "anomalies", {}, **context)


def _moved(user: User, text: str) -> dict[str, Any] | None:
    """What moved in an hour of the strip, over all servers."""
    if not text.isdecimal() or not 0 < int(text[:11]) * 1000 < milliseconds():
        return None
    start = int(text[:11])
    end = min(start + HOUR, milliseconds() // 1000)
    if (end - start) * 1000 < moved.SHORTEST:
        return None
    found = moved.moved(user, list(Server.objects.visible_to(user)), start * 1000, end * 1000)
    return {**found, "series": found["series"][:MOST_MOVED]}


def _slider(user: User, team: Team | None, seen: Seen) -> dict[str, Any] | None:
    """The settings, what each would have meant last week, and which one holds."""
    if team is None:
        return None
    servers = seen.of_team(team.pk)
    row = Sensitivity.objects.visible_to(user).filter(team=team, server=None).first()
    wanted = row.per_week if row else USUAL
    # Maxima are of hours, and no setting changes them.
    key = tuple(servers), milliseconds() // 1000 // HOUR
    listed, known = meant(key, lambda: lastweek.would_have(servers, SETTINGS))
    step = min(range(len(SETTINGS)), key=lambda place: abs(SETTINGS[place] - wanted))
    hours = listed[0].hours
    return {"team": team, "settings": listed, "step": step, "last": len(SETTINGS) - 1, "known": known,
            "short": hours * HOUR if hours < A_WEEK else None, "wanted": wanted}  # fmt: skip


def _act(request: HttpRequest) -> HttpResponse:
    if request.POST.get("episode"):
        _answer(request)
    else:
        _set(request)
    return redirect("anomalies")


def _answer(request: HttpRequest) -> None:
    said = request.POST.get("answer", "")
    try:
        row = Episode.objects.visible_to(_person(request), ACT).filter(uuid=request.POST["episode"]).first()
    except ValidationError:
        row = None
    if row is None or said not in ANSWERS:
        messages.warning(request, _("That cannot be answered: it is not there, or not yours to answer."))
        return
    going_on = row.ended_at is None
    answers.answer(row, said, by=_person(request))
    learns = said == "normal" and going_on
    messages.success(
        request, _("Thank you. It is learnt anew from then on.") if learns else _("Thank you. It counts on the card.")
    )


def _set(request: HttpRequest) -> None:
    user, step = _person(request), request.POST.get("step", "")
    team = next(
        (one for one in Team.objects.visible_to(user, MANAGE) if str(one.uuid) == request.POST.get("team")), None
    )
    if team is None or not step.isdecimal() or int(step[:3]) >= len(SETTINGS):
        messages.warning(request, _("Nothing was changed: choose a team that you manage, and a value."))
        return
    try:
        sensitivity.set_of_team(team, SETTINGS[int(step[:3])], by=user)
    except Failure as fault:
        messages.warning(request, str(fault))
        return
    messages.success(request, _("Saved. Scores follow within a minute."))


def _person(request: HttpRequest) -> User:
    return cast("User", request.user)
