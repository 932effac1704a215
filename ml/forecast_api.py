"""Forecasts, risks and sizes over the API, and what would be if growth or size were others."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.auth import Pages
from accounts.base import LOOK
from core.errors import Failure
from ml.forecast import Outlook
from ml.models import Crossing, DiskRisk, Forecast, Risk, Sizing
from ml.models.forecasts import HORIZONS, STATES
from ml.services import outlook

SERVER = OpenApiParameter("server", str, description="The id of a server; default all one may see.")
PAGES = [OpenApiParameter("page", int), OpenApiParameter("size", int)]
Shown = dict[str, Any]


class Listed(APIView):
    """Rows of servers that this person may see."""

    resource = "forecasts"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK}

    def mine(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.request.query_params.get("server")
        return rows.filter(server__uuid=_uuid(wanted)) if wanted else rows

    def paged(self, rows: QuerySet[Any], shape: Any) -> Response:
        pages = Pages()
        some = pages.paginate_queryset(rows.select_related("server"), self.request, view=self) or []
        return pages.get_paginated_response([shape(row) for row in some])


class ForecastsView(Listed):
    """When each finite thing runs out, the soonest first; `state` says whether that can be told at all."""

    @extend_schema(parameters=[SERVER, OpenApiParameter("state", str, enum=STATES), *PAGES], responses=dict)
    def get(self, request: Request) -> Response:
        rows = self.mine(Forecast.objects.visible_to(request.user)).soonest()  # type: ignore[attr-defined]
        if state := request.query_params.get("state"):
            rows = rows.filter(state=_one_of(state, STATES, "state"))
        return self.paged(rows, forecast_shown)


class WhatIfView(Listed):
    """The same forecasts, if growth were so many times as fast and things so many times as large."""

    @extend_schema(
        parameters=[
            SERVER, OpenApiParameter("growth", float, description="0 to 100; default 1."),
            OpenApiParameter("larger", float, description="0.1 to 100; default 1."), *PAGES,
        ],
        responses=dict,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        growth = factor(request.query_params.get("growth"), "growth", 0.0, outlook.MOST_GROWTH)
        larger = factor(request.query_params.get("larger"), "larger", 0.1, outlook.MOST_SIZE)
        rows = self.mine(Forecast.objects.visible_to(request.user)).soonest()  # type: ignore[attr-defined]
        return self.paged(rows, lambda row: forecast_shown(row, outlook.what_if(row, growth, larger)))


class RisksView(Listed):
    """How likely each server is in a critical condition within an hour, a day, two weeks; the likeliest first."""

    @extend_schema(parameters=[SERVER, OpenApiParameter("horizon", str, enum=HORIZONS), *PAGES], responses=dict)
    def get(self, request: Request) -> Response:
        rows = self.mine(Risk.objects.visible_to(request.user)).order_by("-percent", "server", "horizon")
        if horizon := request.query_params.get("horizon"):
            rows = rows.filter(horizon=_one_of(horizon, HORIZONS, "horizon"))
        return self.paged(rows, _risk)


class CapacityView(Listed):
    """Servers that are too large or too small, disks that may fail, and limits that were met with what was said."""

    @extend_schema(parameters=[SERVER], responses=dict)
    def get(self, request: Request) -> Response:
        sizes = self.mine(Sizing.objects.visible_to(request.user)).exclude(state__in=["fits", "not_enough"])
        disks = self.mine(DiskRisk.objects.visible_to(request.user)).exclude(state="low")
        met = self.mine(Crossing.objects.visible_to(request.user)).order_by("-at")[:100]
        return Response(
            {
                "sizes": [_size(row) for row in sizes.select_related("server").order_by("state", "server")],
                "disks": [_disk(row) for row in disks.select_related("server").order_by("state", "server")],
                "crossings": [_crossing(row) for row in met.select_related("server")],
            }
        )


def forecast_shown(row: Forecast, seen: Outlook | None = None) -> Shown:
    found = seen or outlook.look(row)
    return {
        **_of(row), "metric": row.metric, "labels": outlook.labels_of(row), "state": found.state,
        "reason": found.reason, "value": found.value, "limit": row.limit, "per_day": found.per_day,
        "seconds_left": found.left, "seconds_low": found.low, "seconds_high": found.high, "chances": row.chances,
        "error": found.error, "at": row.at / 1000, "text": outlook.sentence(row, found),
    }  # fmt: skip


def _risk(row: Risk) -> Shown:
    return {
        **_of(row), "horizon": row.horizon, "state": row.state, "percent": row.percent, "evidence": row.evidence,
        "at": row.at / 1000, "text": outlook.risk_said(row),
    }  # fmt: skip


def _size(row: Sizing) -> Shown:
    return {**_of(row), "state": row.state, "figures": row.figures, "text": outlook.size_said(row)}


def _disk(row: DiskRisk) -> Shown:
    return {
        **_of(row), "device": row.device, "state": row.state, "by": row.by, "evidence": row.evidence,
        "text": outlook.disk_said(row),
    }  # fmt: skip


def _crossing(row: Crossing) -> Shown:
    return {
        **_of(row), "metric": row.metric, "labels": row.labels, "limit": row.limit, "at": row.at / 1000,
        "error": row.error, "said": row.said,
    }  # fmt: skip


def _of(row: Any) -> Shown:
    return {"server": str(row.server.uuid), "name": row.server.name}


def factor(text: str | None, name: str, least: float, most: float) -> float:
    """A number of the question, 1 unless given."""
    try:
        value = float(text or 1)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise Failure(f"{name} must be a number from {least:g} to {most:g}.", code=f"bad_{name}")
    return value


def _one_of(text: str, known: tuple[str, ...], name: str) -> str:
    if text not in known:
        raise Failure(f"{name} must be one of {', '.join(known)}.", code=f"bad_{name}")
    return text


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise Failure("server must be the id of a server.", code="bad_server") from None
