"""The page about what runs out: sentences, one picture, what would be if, and servers that do not fit their work."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from accounts.models import User
from core.clock import now
from dashboards.capacity import drawn
from dashboards.views import show
from ml.models import Crossing, DiskRisk, Forecast, Risk, Sizing
from ml.services import outlook

MOST, AT_FIRST = 200, 20  # of each list; all of them where somebody asks for all
SOON = 14 * 86_400.0
NEAR = 30 * 86_400.0
FIRST = 8
CLAIMED = ("predictable", "unclear")
FASTEST, LARGEST = 4.0, 4.0


@login_required
@require_GET
def capacity(request: HttpRequest) -> HttpResponse:
    user = cast("User", request.user)
    growth, larger = _factor(request, "growth", 0.0, FASTEST), _factor(request, "larger", 0.5, LARGEST)
    most = MOST if request.GET.get("all") == "1" else AT_FIRST
    mine = Forecast.objects.visible_to(user).select_related("server")
    claimed = mine.filter(state__in=CLAIMED).order_by("seconds_left", "pk")
    rows = list(claimed[:most])
    chosen = _chosen(request, claimed, mine.exclude(state__in=CLAIMED))
    count, unknown = mine.count(), mine.exclude(state__in=[*CLAIMED, "never"])
    told = [_thing(row, growth, larger, chosen) for row in rows]
    things, unclear = ([one for one in told if one["unclear"] is doubt] for doubt in (False, True))
    near = max(FIRST, sum(1 for one in things if one["near"]))
    lists: dict[str, list[Any]] = {
        "others": _others(unknown, most), "risks": _risks(user, most), "disks": _disks(user, most),
        "sizes": _sizes(user, most),
    }  # fmt: skip
    context: dict[str, Any] = {
        **lists, "verdict": _verdict(mine, count), "known": count, "things": things[:near],
        "later": things[near:] + unclear, "unclear": bool(unclear),
        "growth": growth, "larger": larger, "fastest": FASTEST, "largest": LARGEST, "picture": None,
        "unknown": unknown.count(), "crossings": _crossings(user),
        "more": most < MOST and any(len(one) == most for one in (rows, *lists.values())),
    }  # fmt: skip
    if chosen:
        found = outlook.what_if(chosen, growth, larger)
        limit = (chosen.limit or 0.0) * larger
        context["picture"] = drawn.chart(chosen, found, limit, now().timestamp())
        context["said"] = outlook.sentence(chosen, found)
        context["chosen"] = chosen
    return show(request, "dashboards/capacity.html", "capacity", {}, **context)


def _factor(request: HttpRequest, name: str, least: float, most: float) -> float:
    try:
        value = float(request.GET.get(name, "1"))
    except ValueError:
        return 1.0
    return min(max(value, least), most) if value == value else 1.0  # noqa: PLR0124 - NaN


def _chosen(request: HttpRequest, claimed: QuerySet[Forecast], others: QuerySet[Forecast]) -> Forecast | None:
    """The one that is asked for, else the first that grows."""
    wanted = request.GET.get("thing", "")
    asked = [rows.filter(pk=int(wanted[:18])) for rows in (claimed, others) if wanted.isdecimal()]
    for rows in [*asked, claimed, others.order_by("server__name", "metric", "labels")]:
        if found := rows.exclude(metric__startswith="check_").first():
            return found
    return None


def _verdict(mine: QuerySet[Forecast], count: int) -> str:
    """The page's answer in one sentence."""
    near = mine.filter(state="predictable", seconds_left__lt=SOON)
    soon = near.exclude(reason="fell_back").count()
    doubted = 0 if soon else near.filter(reason="fell_back").count()
    if not count:
        return _("Nothing is forecast yet. The first look is made within an hour of the first samples.")
    if soon:
        text = ngettext("One thing runs out within two weeks.", "%(n)d things run out within two weeks.", soon)
        return text % {"n": soon}
    if doubted:
        text = ngettext(
            "One thing runs out within two weeks if it does not fall back, as it did before.",
            "%(n)d things run out within two weeks if they do not fall back, as they did before.",
            doubted,
        )
        return text % {"n": doubted}
    text = ngettext("One thing is watched.", "%(n)d things are watched.", count) % {"n": count}
    return _("Nothing is known to run out within two weeks.") + " " + text


def _thing(row: Forecast, growth: float, larger: float, chosen: Forecast | None) -> dict[str, Any]:
    found = outlook.what_if(row, growth, larger)
    left = found.left if found.left is not None else SOON + 1
    tone = "ok" if left >= SOON else "warn" if left >= SOON / 4 or found.reason == "fell_back" else "crit"
    return {
        "pk": row.pk, "uuid": row.server.uuid, "text": outlook.sentence(row, found), "error": outlook.error_said(row),
        "tone": tone if found.state == "predictable" else "off", "chosen": row == chosen, "near": left < NEAR,
        "unclear": found.state == "unclear", "drawn": not row.metric.startswith("check_"),
    }  # fmt: skip


def _others(rows: QuerySet[Forecast], most: int) -> list[str]:
    return [outlook.sentence(row) for row in rows.order_by("server__name", "metric", "labels")[:most]]


def _risks(user: User, most: int) -> list[dict[str, Any]]:
    rows = Risk.objects.visible_to(user).filter(state__in=["met", "high", "raised"]).select_related("server")
    first: dict[int, Risk] = {}
    for row in rows.order_by("-percent", "horizon")[: 3 * most]:  # of each server the likeliest of three
        first.setdefault(row.server_id, row)
    listed = list(first.values())[:most]
    return [{"uuid": row.server.uuid, "name": row.server.name, "text": outlook.risk_said(row)} for row in listed]


def _disks(user: User, most: int) -> list[dict[str, Any]]:
    rows = DiskRisk.objects.visible_to(user).exclude(state="low").select_related("server")
    listed = rows.order_by("state", "server__name")[:most]
    return [{"uuid": row.server.uuid, "name": row.server.name, "text": outlook.disk_said(row)} for row in listed]


def _sizes(user: User, most: int) -> list[dict[str, Any]]:
    rows = Sizing.objects.visible_to(user).filter(state__in=["idle", "overloaded"]).select_related("server")
    listed = rows.order_by("-state", "server__name")[:most]
    return [{"uuid": row.server.uuid, "state": row.state, "text": outlook.size_said(row)} for row in listed]


def _crossings(user: User) -> list[dict[str, Any]]:
    rows = Crossing.objects.visible_to(user).select_related("server").order_by("-at")[:10]
    return [{"at": row.at / 1000, "text": outlook.crossing_said(row)} for row in rows]
