"""Reading numbers over the API: a server's series, and the fleet at this moment."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.auth import Pages
from accounts.base import LOOK
from core.clock import milliseconds
from core.errors import Failure
from metrics import database, query, seen
from metrics.base import HOURS, MINUTES, RAW
from metrics.names import METRIC

HOUR = 3_600_000
AGGREGATES = ("avg", "min", "max")
NAMES = {RAW: "samples", MINUTES: "5 minutes", HOURS: "hours"}


class NotFound(Failure):
    status = 404
    code = "not_found"


class SeriesView(APIView):
    """One server's series over a range; null where nothing was measured.

    `tier` says what answered: 0 samples, 300 or 3600 seconds the buckets that are kept longer.
    """

    resource = "series"
    verbs = {"GET": LOOK}

    @extend_schema(
        parameters=[
            OpenApiParameter("server", UUID, required=True),
            OpenApiParameter("metric", str, required=True, many=True),
            OpenApiParameter("start", str, description="Unix seconds or ISO 8601; default an hour before the end."),
            OpenApiParameter("end", str, description="Unix seconds or ISO 8601; default now."),
            OpenApiParameter("points", int, description="So many buckets; without it the finest tier there is."),
            OpenApiParameter("agg", str, enum=AGGREGATES),
        ],
        responses=dict,
    )
    def get(self, request: Request) -> HttpResponse:
        asked = request.query_params
        server = _server(request, asked.get("server", ""))
        metrics = asked.getlist("metric")
        if not metrics or not all(METRIC.fullmatch(metric) for metric in metrics) or len(metrics) > 50:
            raise Failure("Name 1 to 50 metrics, such as metric=cpu_used_percent.", code="bad_metric")
        agg = agg_of(asked.get("agg"))
        start, end = range_of(request, HOUR)
        points = whole_of(request, "points", 1, 1, query.MOST_POINTS) if "points" in asked else None
        found = query.series(server, metrics, query.Range(start, end, points, agg))
        return answered(found)


class ServerSeriesView(APIView):
    """The series a server told, each with the first and last time it is known by."""

    resource = "series"
    verbs = {"GET": LOOK}

    @extend_schema(
        parameters=[
            OpenApiParameter("metric", str, many=True, description="Only these metrics."),
            OpenApiParameter("page", int), OpenApiParameter("size", int),
        ],
        responses=dict,
    )  # fmt: skip
    def get(self, request: Request, uuid: UUID) -> Response:
        server = _server(request, str(uuid))
        told = sorted(database.told(server, request.query_params.getlist("metric") or None).items())
        pages = Pages()
        some = pages.paginate_queryset(told, request, view=self) or []
        listed = [
            {"metric": key[0], "labels": dict(key[1]), "first": first / 1000, "last": last / 1000}
            for key, (first, last) in some
        ]
        return pages.get_paginated_response(listed)


class StoreView(APIView):
    """How long numbers are kept: what is wanted, what there is, and the room it takes."""

    resource = "series"
    verbs = {"GET": LOOK}

    @extend_schema(responses=dict)
    def get(self, request: Request) -> HttpResponse:
        tiers = [
            {
                "tier": kept.tier, "name": NAMES[kept.tier], "days": kept.days, "bytes": kept.bytes,
                "oldest": None if kept.oldest is None else kept.oldest / 1000,
            }
            for kept in query.kept()
        ]  # fmt: skip
        return answered({"tiers": tiers, "bytes": sum(tier["bytes"] for tier in tiers)})


def _server(request: Request, text: str) -> int:
    try:
        wanted = UUID(text)
    except ValueError:
        raise Failure("server must be the id of a server, such as server=5b0f….", code="bad_server") from None
    found = seen.one(request.user, wanted)
    if found is None:
        raise NotFound("There is no server of that id that you may see.")
    return found


def agg_of(text: str | None) -> str:
    if text is not None and text not in AGGREGATES:
        raise Failure(f"agg must be one of {', '.join(AGGREGATES)}.", code="bad_agg")
    return text or "avg"


def range_of(request: Request, width: int) -> tuple[int, int]:
    """Start and end as they are asked for, or so much up to now."""
    end = moment(request.query_params.get("end"), "end", milliseconds())
    start = moment(request.query_params.get("start"), "start", end - width)
    if start >= end:
        raise Failure("start must be before end.", code="bad_range")
    return start, end


def answered(found: dict[str, Any]) -> HttpResponse:
    """Numbers by the thousand: encoded at once; what is no number becomes null."""
    return HttpResponse(msgspec.json.encode(found), content_type="application/json")


def whole_of(request: Request, name: str, default: int, least: int, most: int) -> int:
    """A whole number of the question."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isdecimal() or len(text) > 9 or not least <= int(text) <= most:
        raise Failure(f"{name} must be a number from {least} to {most}.", code=f"bad_{name}")
    return int(text)


def moment(text: str | None, name: str, default: int) -> int:
    """Unix seconds or ISO 8601 as milliseconds."""
    if not text:
        return default
    try:
        seconds: Any = float(text)
    except ValueError:
        try:
            seconds = datetime.fromisoformat(text).timestamp()
        except (ValueError, OverflowError):
            raise Failure(f"{name} must be unix seconds or ISO 8601.", code="bad_time") from None
    if not 0 <= seconds < 4.2e9:
        raise Failure(f"{name} must be a time between 1970 and 2100.", code="bad_time")
    return int(seconds * 1000)
