"""What the fleet page asks for after it stands: history, and what was handled today."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.base import LOOK
from core.clock import milliseconds, now
from core.errors import Failure
from dashboards.fleet import handled, history

MOST_SPARKS = 100


class TodayView(APIView):
    """The tiles' last six hours, the same a week before, and what needed nobody today."""

    resource = "servers"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK}

    @extend_schema(responses=dict)
    def get(self, request: Request) -> Response:
        midnight = timezone.localtime(now()).replace(hour=0, minute=0, second=0, microsecond=0)
        # just after midnight the night's work counts as well
        since = min(midnight, now() - timedelta(hours=6))
        found: dict[str, Any] = history.tiles(request.user, milliseconds())
        return Response({**found, "handled": handled.today(request.user, since)})


class SparksView(APIView):
    """The CPU of some servers in the last six hours, in steps of five minutes."""

    resource = "servers"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK}

    @extend_schema(
        parameters=[OpenApiParameter("ids", str, required=True, description=f"Up to {MOST_SPARKS} ids and commas.")],
        responses=dict,
    )
    def get(self, request: Request) -> Response:
        try:
            wanted = [str(UUID(one)) for one in request.query_params.get("ids", "").split(",")]
        except ValueError as fault:
            raise Failure("Name servers by their ids, with commas between.", code="bad_ids") from fault
        if len(wanted) > MOST_SPARKS:
            raise Failure(f"Ask for at most {MOST_SPARKS} servers at once.", code="bad_ids")
        return Response(history.sparks(request.user, wanted, milliseconds()))
