"""What the page of one server asks for: what is around its charts, what else moved, all it tells, a table."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.utils.text import slugify
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.auth import me
from accounts.base import LOOK
from core.clock import milliseconds
from core.errors import Failure
from dashboards.server import moved, usual
from dashboards.server.around import around
from dashboards.server.catalogue import sections
from metrics.store import METRIC, query
from servers.models import Server

HOUR = 3_600_000
LONGEST = 400 * 24 * HOUR
MOST_METRICS = 20
FORMULA = tuple("=+-@\t\r\n")
TIMES = [
    OpenApiParameter("start", str, description="Unix seconds; default an hour before the end."),
    OpenApiParameter("end", str, description="Unix seconds; default now."),
]


class OneServer(APIView):
    """Each begins at a server that this person may see; a foreign one answers like one that is not there."""

    resource = "servers"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK}

    def server(self, uuid: UUID) -> Server:
        row = Server.objects.visible_to(self.request.user).filter(uuid=uuid).first()
        if row is None:
            raise Http404
        return row

    def between(self, first: str = "start", last: str = "end") -> tuple[int, int]:
        return between(self.request, first, last)


class AroundView(OneServer):
    """Limits of the rules that watch it, its alerts, and its change ledger, for the charts of this time."""

    @extend_schema(parameters=TIMES, responses=dict)
    def get(self, request: Request, uuid: UUID) -> Response:
        return Response(around(me(request), self.server(uuid), *self.between()))


class CatalogueView(OneServer):
    """Every series it told in this time, in sections."""

    resource = "series"

    @extend_schema(parameters=TIMES, responses=dict)
    def get(self, request: Request, uuid: UUID) -> Response:
        return Response({"sections": sections(query.told(self.server(uuid).pk, *self.between()))})


class UsualView(OneServer):
    """What its model holds for usual: the lowest and highest of each series at times of this range."""

    resource = "series"

    @extend_schema(
        parameters=[*TIMES, OpenApiParameter("metric", str, required=True, many=True)],
        responses=dict,
    )
    def get(self, request: Request, uuid: UUID) -> Response:
        server = self.server(uuid)
        metrics = request.query_params.getlist("metric")
        if not metrics or len(metrics) > MOST_METRICS or not all(METRIC.fullmatch(one) for one in metrics):
            raise Failure(f"Name 1 to {MOST_METRICS} metrics, such as metric=cpu_used_percent.", code="bad_metric")
        return Response(usual.bands(server, metrics, *self.between()))


class MovedView(OneServer):
    """Which of its series were unlike the time before, four times as long; and what changed on it then."""

    resource = "series"

    @extend_schema(
        parameters=[
            OpenApiParameter("from", str, required=True, description="Unix seconds."),
            OpenApiParameter("to", str, required=True, description="Unix seconds."),
        ],
        responses=dict,
    )
    def get(self, request: Request, uuid: UUID) -> Response:
        if not {"from", "to"} <= request.query_params.keys():
            raise Failure("Say of which time, as from= and to= in unix seconds.", code="bad_range")
        start, end = self.between("from", "to")
        if not moved.SHORTEST <= end - start <= moved.LONGEST:
            raise Failure("A time of 15 seconds to 30 days can be compared with the one before.", code="bad_range")
        return Response(moved.moved(me(request), self.server(uuid), start, end))


class CsvView(OneServer):
    """Series as a table: a line a time, a column a series; empty where nothing was measured."""

    resource = "series"

    @extend_schema(
        parameters=[
            *TIMES,
            OpenApiParameter("metric", str, required=True, many=True),
            OpenApiParameter("points", int),
        ],
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request, uuid: UUID) -> HttpResponse | StreamingHttpResponse:
        server = self.server(uuid)
        metrics = request.query_params.getlist("metric")
        if not metrics or len(metrics) > MOST_METRICS or not all(METRIC.fullmatch(one) for one in metrics):
            raise Failure(f"Name 1 to {MOST_METRICS} metrics, such as metric=cpu_used_percent.", code="bad_metric")
        start, end = self.between()
        text = request.query_params.get("points", "")
        points = int(text) if text.isdecimal() and 0 < int(text[:9]) <= query.MOST_POINTS else None
        found = query.series(server.pk, metrics, query.Range(start, end, points))
        answer = StreamingHttpResponse(_lines(found), content_type="text/csv; charset=utf-8")
        name = f"{slugify(server.name) or 'server'}-{metrics[0]}-{_stamp(start)}.csv"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer


def between(request: Request, first: str = "start", last: str = "end") -> tuple[int, int]:
    end = _moment(request, last, milliseconds())
    start = _moment(request, first, end - HOUR)
    if not 0 < end - start <= LONGEST:
        raise Failure(f"{first} must be before {last}, by 400 days at most.", code="bad_range")
    return start, end


def _moment(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        raise Failure(f"{name} must be unix seconds.", code="bad_time") from None
    if not 0 <= seconds < 4.2e9:
        raise Failure(f"{name} must be a time between 1970 and 2100.", code="bad_time")
    return int(seconds * 1000)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    """A spreadsheet must not take a name, which a machine made up, for a formula."""
    out = StringIO()
    table = csv.writer(out)
    table.writerow(["time", *(_cell(_column(one)) for one in found["series"])])
    columns = [one["v"] for one in found["series"]]
    for place, at in enumerate(found["t"]):
        values = [column[place] for column in columns]
        table.writerow([_stamp(int(at * 1000), whole=True), *("" if v != v else f"{v:.10g}" for v in values)])  # noqa: PLR0124 - NaN
        if out.tell() > 60_000:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()


def _column(one: dict[str, Any]) -> str:
    labels = ",".join(f'{key}="{value}"' for key, value in sorted(one["labels"].items()))
    return f"{one['metric']}{{{labels}}}" if labels else str(one["metric"])


def _cell(text: str) -> str:
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def _stamp(at: int, *, whole: bool = False) -> str:
    time = datetime.fromtimestamp(at / 1000, UTC)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ" if whole else "%Y%m%dT%H%MZ")
