"""Report cards as pages: how well the models do, on the whole fleet or one server, and what they cannot see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.auth import me
from accounts.base import MANAGE
from accounts.models import User
from core.clock import from_milliseconds, now
from dashboards.views import show
from metrics.store import parse, spoken
from metrics.store import shown as shown_as
from ml.models import Card, Episode, ModelVersion, Training, Watch
from ml.services import answers, card
from servers.models import Server

Shown = dict[str, Any]
TREND_DAYS = 30
MOST = 200
SEEN, MISSED = 0.8, 0.5  # shares of faults
LEAST = 3


@login_required
@require_GET
def fleet(request: HttpRequest) -> HttpResponse:
    user = me(request)
    rows = list(Card.objects.visible_to(user).newest().select_related("server").order_by("f1", "server__name"))
    watched = Watch.objects.visible_to(user).exclude(version=None).count()
    context = {
        "whole": shown(rows), "cards": [_line(row) for row in rows[:MOST]], "count": len(rows),
        "watched": watched, "good": sum(row.may_page for row in rows), "asked": _asked(user, None),
        "trend": _trend(user, None), "trainings": _trainings(user, None),
    }  # fmt: skip
    return show(request, "dashboards/models.html", "models", {}, **context)


@login_required
@require_http_methods(["GET", "POST"])
def server(request: HttpRequest, uuid: str) -> HttpResponse:
    user = me(request)
    row = Server.objects.visible_to(user).filter(uuid=uuid).first()
    if row is None:
        raise Http404
    manages = Server.objects.visible_to(user, MANAGE).filter(pk=row.pk).exists()
    if request.method == "POST":
        if not manages:
            raise Http404
        _roll_back(request, row)
        return redirect("server-model", uuid=row.uuid)
    cards = list(Card.objects.visible_to(user).filter(server=row).order_by("-day")[:1])
    versions = ModelVersion.objects.visible_to(user).filter(server=row).light().order_by("-number")
    watch = Watch.objects.visible_to(user).filter(server=row).first()
    context = {
        "server": row, "watch": watch, "since": from_milliseconds(watch.since) if watch else None,
        "whole": shown(cards), "card": cards[0] if cards else None, "asked": _asked(user, row),
        "versions": [_version(one) for one in versions], "manages": manages, "trend": _trend(user, row),
        "trainings": _trainings(user, row), "crept": [_crept(one) for one in watch.crept] if watch else [],
    }  # fmt: skip
    return show(request, "dashboards/model.html", "models", {}, **context)


def _crept(one: Shown) -> Shown:
    metric, labels = parse(one["column"])
    return {"what": spoken(metric, dict(labels)), **{word: shown_as(metric, one[word]) for word in ("was", "now")}}


def _roll_back(request: HttpRequest, server: Server) -> None:
    user = me(request)
    rows = ModelVersion.objects.visible_to(user, MANAGE).filter(server=server, state="kept").light()
    try:
        version = rows.filter(uuid=request.POST.get("version", "")).first()
    except ValidationError:
        version = None
    if version is None:
        messages.warning(request, _("That version cannot judge again: it is not kept."))
        return
    answers.roll_back(version, by=user)
    messages.success(request, _("Version %(n)d judges again.") % {"n": version.number})


def shown(rows: list[Card]) -> Shown | None:
    """The cards added up, with the words of families and faults; nothing where none was measured yet."""
    if not rows:
        return None
    found = card.read(card.added(row.counts for row in rows))
    families, kinds = family_words(), kind_words()
    for one in found["families"]:
        one["name"] = families.get(one["family"], one["family"])
    for one in found["kinds"]:
        one["name"] = kinds.get(one["kind"], one["kind"])
    told = [one for one in found["kinds"] if one["faults"] >= LEAST]
    return {
        **found,
        "measured_at": max(row.measured_at for row in rows),
        "blind": [one for one in told if (one["recall"] or 0) < MISSED],
        "partly": [one for one in told if MISSED <= (one["recall"] or 0) < SEEN],
    }


def family_words() -> dict[str, str]:
    return {
        "cpu": _("Processor and load"), "memory": _("Memory"), "space": _("Disk space"), "disks": _("Disk traffic"),
        "network": _("Network"), "other": _("Everything else"),
    }  # fmt: skip


def kind_words() -> dict[str, str]:
    return {
        "spike": _("Short peak"), "level shift": _("New level"), "drift": _("Slow drift"),
        "stuck": _("Stuck value"), "dropout": _("Drop to nought"), "cpu hog": _("Busy processor"),
        "memory leak": _("Memory leak"), "disk fills": _("Disk fills up"), "disk storm": _("Disk overload"),
        "network flood": _("Network flood"),
    }  # fmt: skip


def _line(row: Card) -> Shown:
    found = card.read(row.counts)
    return {"row": row, "server": row.server, **found}


def _version(row: ModelVersion) -> Shown:
    share, before = row.figures.get("alert_share"), row.figures.get("alert_share_before")
    return {
        "row": row, "from": from_milliseconds(row.span_from), "to": from_milliseconds(row.span_to),
        "share": None if share is None else 100 * share, "before": None if before is None else 100 * before,
        "metrics": len(row.columns), "why": why_words().get(row.why, row.why),
    }  # fmt: skip


def why_words() -> dict[str, str]:
    return {
        "first": _("first look"), "day": _("first day"), "weekly": _("weekly"), "regime": _("new normal"),
        "asked": _("asked for"), "thresholds": _("thresholds"),
    }  # fmt: skip


def _asked(user: User, server: Server | None) -> Shown:
    """What people said of real episodes: the only truth there is about them. What is simulated is not real."""
    rows = Episode.objects.visible_to(user)
    if server is not None:
        rows = rows.filter(server=server)
    since, real = now() - timedelta(days=TREND_DAYS), Q(server__demo=False)
    found = rows.filter(began_at__gte=since).aggregate(
        all=Count("pk", filter=real),
        right=Count("pk", filter=real & Q(answer="not_normal")),
        wrong=Count("pk", filter=real & Q(answer="normal")),
        demo=Count("pk", filter=~real),
    )
    said = found["right"] + found["wrong"]
    return {**found, "said": said, "precision": found["right"] / said if said else None}


def _trend(user: User, server: Server | None) -> list[Shown]:
    """Nights of the last month: F1 of all cards of each night together."""
    rows = Card.objects.visible_to(user).filter(day__gte=now().date() - timedelta(days=TREND_DAYS))
    if server is not None:
        rows = rows.filter(server=server)
    by_day: dict[Any, list[float]] = {}
    for day, f1 in rows.exclude(f1=None).order_by("day").values_list("day", "f1"):
        by_day.setdefault(day, []).append(f1 or 0.0)
    means = [(day, sum(f1) / len(f1)) for day, f1 in by_day.items()]
    return [
        {"day": day, "f1": f1, "x": place * 12, "h": round(38 * f1) + 2, "y": 38 - round(38 * f1)}
        for place, (day, f1) in enumerate(means)
    ]


def _trainings(user: User, server: Server | None) -> list[Shown]:
    rows = Training.objects.visible_to(user)
    if server is not None:
        rows = rows.filter(server=server)
    standing = rows.filter(state="running").select_related("server").order_by("due_at")[:5]
    return [{"row": row, "why": why_words().get(row.why, row.why), "percent": round(100 * row.progress)}
            for row in standing]  # fmt: skip
