"""What the pages about the unusual ask for: what moved on many servers, and who is unlike its like."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.auth import me
from accounts.base import LOOK
from core import selector
from core.errors import Failure
from dashboards.anomalies import cards, moved, odd
from dashboards.server.api import between
from dashboards.server.moved import LONGEST, SHORTEST
from ml.models import Card
from servers.models import Server

MOST_NAMED = 500
WHICH = [
    OpenApiParameter("servers", str, description=f"Up to {MOST_NAMED} ids and commas; default all one may see."),
    OpenApiParameter("selector", str, description="Such as tag:db; only these of them."),
]


class MovedView(APIView):
    """Which series of chosen servers, or of all, were unlike the time before, four times as long; most first.

    Over a few servers every sample is compared, over more their buckets of five minutes. It takes at most two
    seconds: what there was no time for is counted in `missed`.
    """

    resource = "series"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK}

    @extend_schema(
        parameters=[
            OpenApiParameter("from", str, required=True, description="Unix seconds."),
            OpenApiParameter("to", str, required=True, description="Unix seconds."),
            *WHICH,
        ],
        responses=dict,
    )
    def get(self, request: Request) -> Response:
        if not {"from", "to"} <= request.query_params.keys():
            raise Failure("Say of which time, as from= and to= in unix seconds.", code="bad_range")
        start, end = between(request, "from", "to")
        if not SHORTEST <= end - start <= LONGEST:
            raise Failure("A time of 15 seconds to 30 days can be compared with the one before.", code="bad_range")
        return Response(moved.moved(me(request), meant(request), start, end))


def meant(request: Request) -> list[Server]:
    """The servers that are asked about, as far as this person may see them; others are not there."""
    rows = Server.objects.visible_to(request.user)
    params: Any = request.query_params
    if text := params.get("servers", ""):
        rows = rows.filter(uuid__in=_ids(text))
    try:
        wanted = selector.parse(params.get("selector", ""))
    except selector.Unreadable as fault:
        raise Failure(str(fault), code="bad_selector") from fault
    listed = list(rows.order_by("name"))
    return [row for row in listed if wanted.matches(row.words())] if wanted.text.strip() else listed


def _ids(text: str) -> list[str]:
    try:
        found = [str(UUID(one)) for one in text.split(",")]
    except ValueError as fault:
        raise Failure("Name servers by their ids, with commas between.", code="bad_ids") from fault
    if len(found) > MOST_NAMED:
        raise Failure(f"Name {MOST_NAMED} servers at most, or use a selector.", code="bad_ids")
    return found


class OddView(APIView):
    """Servers that are unlike the others of their role: the last day of each beside the middle of its like."""

    resource = "series"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK}

    @extend_schema(responses=dict)
    def get(self, request: Request) -> Response:
        return Response(odd.odd(me(request)))


class CardsView(APIView):
    """The report card of one server's model, or of all one may see added up: figures by family and kind of fault."""

    resource = "series"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK}

    @extend_schema(
        parameters=[OpenApiParameter("server", str, description="Its id; default all one may see.")], responses=dict
    )
    def get(self, request: Request) -> Response:
        rows = Card.objects.visible_to(request.user).newest()
        if text := request.query_params.get("server", ""):
            server = Server.objects.visible_to(request.user).filter(uuid__in=_ids(text)[:1]).first()
            if server is None:
                raise Http404
            rows = rows.filter(server=server)
        listed = list(rows)
        return Response(
            {
                "servers": len(listed),
                "may_page": sum(row.may_page for row in listed),
                "card": cards.shown(listed),
            }
        )
