"""The search over the API."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.auth import me
from accounts.base import LOOK
from dashboards.finding.services import LONGEST, find


class FoundSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(["server", "check", "incident", "rule", "page"])
    name = serializers.CharField()
    hint = serializers.CharField(allow_blank=True, help_text="What tells it from others of its name.")
    url = serializers.CharField()
    id = serializers.CharField(allow_blank=True)
    tone = serializers.CharField(allow_blank=True, help_text="warn or crit for an open incident.")


class FindingSerializer(serializers.Serializer[Any]):
    found = FoundSerializer(many=True)
    more = serializers.BooleanField(help_text="More servers fit than are listed.")


class SearchView(APIView):
    """The best of each kind for a few letters: names that begin so first, at most a screenful."""

    resource = "search"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK}

    @extend_schema(
        parameters=[OpenApiParameter("q", str, description=f"At most {LONGEST} characters; empty: pages alone.")],
        responses=FindingSerializer,
    )
    def get(self, request: Request) -> Response:
        return Response(find(me(request), request.query_params.get("q", "")))
