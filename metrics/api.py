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

from accounts.base import LOOK
from core.clock import milliseconds
from core.errors import Failure
from metrics import query
from metrics.latest import latest
from metrics.names import METRIC
from servers.models import Server

HOUR = 3_600_000
AGGREGATES = ("avg", "min", "max")


class NotFound(Failure):
    status = 404
    code = "not_found"


class SeriesView(APIView):
    """One server's series over a range; null where nothing was measured."""

    resource = "series"
    verbs = {"GET": LOOK}

    @extend_schema(
        parameters=[
            OpenApiParameter("server", UUID, required=True),
            OpenApiParameter("metric", str, required=True, many=True),
            OpenApiParameter("start", str, description="Unix seconds or ISO 8601; default an hour before the end."),
            OpenApiParameter("end", str, description="Unix seconds or ISO 8601; default now."),
            OpenApiParameter("points", int, description="So many buckets; without it every stored sample."),
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
        agg = asked.get("agg", "avg")
        if agg not in AGGREGATES:
            raise Failure(f"agg must be one of {', '.join(AGGREGATES)}.", code="bad_agg")
        end = moment(asked.get("end"), "end", milliseconds())
        start = moment(asked.get("start"), "start", end - HOUR)
        if start >= end:
            raise Failure("start must be before end.", code="bad_range")
        found = query.series(server.pk, metrics, query.Range(start, end, _points(asked.get("points")), agg))
        return HttpResponse(msgspec.json.encode(found), content_type="application/json")


class FleetLatestView(APIView):
    """The newest values of chosen metrics for every server one may see, in columns."""

    resource = "series"
    verbs = {"GET": LOOK}

    @extend_schema(parameters=[OpenApiParameter("metrics", str, required=True)], responses=dict)
    def get(self, request: Request) -> Response:
        names = [name.strip() for name in request.query_params.get("metrics", "").split(",") if name.strip()]
        if not names or len(names) > 50:
            raise Failure("Name 1 to 50 metrics, such as metrics=cpu_used_percent,load1.", code="bad_metric")
        servers = list(Server.objects.visible_to(request.user).order_by("pk").values_list("pk", "uuid"))
        rows = [latest.get(pk) for pk, _ in servers]
        at = milliseconds()
        return Response(
            {
                "servers": [str(uuid) for _, uuid in servers],
                "age": [None if row is None else round((at - row.received) / 1000, 1) for row in rows],
                "columns": {name: [None if row is None else row.value(name) for row in rows] for name in names},
            }
        )


def _server(request: Request, text: str) -> Server:
    try:
        wanted = UUID(text)
    except ValueError:
        raise Failure("server must be the id of a server, such as server=5b0f….", code="bad_server") from None
    found = Server.objects.visible_to(request.user).filter(uuid=wanted).first()
    if found is None:
        raise NotFound("There is no server of that id that you may see.")
    return found


def _points(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 9 or not 1 <= int(text) <= query.MOST_POINTS:
        raise Failure(f"points must be a number from 1 to {query.MOST_POINTS}.", code="bad_points")
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
