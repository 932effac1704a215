"""The audit trail over the API: filtered, page by page, or as a table to take away."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import reading
from accounts.api.base import MANAGE
from accounts.auth import me
from accounts.models import Audit
from core.strict import Strict


class AuditEntrySerializer(serializers.Serializer[Any]):
    """Who did what to what; `before` and `after` hold the fields that changed."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    who = serializers.CharField()
    action = serializers.CharField()
    target = serializers.CharField()
    target_id = serializers.CharField()
    team = serializers.CharField(allow_null=True)
    over = serializers.CharField()
    address = serializers.CharField(allow_null=True)
    before = serializers.DictField()
    after = serializers.DictField()


class AuditSerializer(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True, help_text="The address of what is older.")
    results = AuditEntrySerializer(many=True)


class Instant(serializers.Field[Any, Any, Any, Any]):
    """Unix seconds or ISO 8601."""

    def to_internal_value(self, data: Any) -> datetime:
        try:
            return datetime.fromtimestamp(float(data), UTC)
        except (ValueError, OverflowError, OSError):
            return serializers.DateTimeField().to_internal_value(data)

    def to_representation(self, value: Any) -> Any:
        return value


class AskedSerializer(Strict):
    """What is looked for."""

    team = serializers.UUIDField(required=False)
    who = serializers.CharField(max_length=254, default="", allow_blank=True)
    action = serializers.CharField(max_length=60, default="", allow_blank=True)
    target = serializers.CharField(max_length=200, default="", allow_blank=True)
    over = serializers.CharField(max_length=100, default="", allow_blank=True)
    to = Instant(required=False)
    before = serializers.IntegerField(min_value=1, required=False)
    size = serializers.IntegerField(min_value=1, max_value=1000, default=100)
    format = serializers.ChoiceField(choices=("json", "csv"), default="json")

    def get_fields(self) -> dict[str, Any]:
        # "from" is a word of Python.
        return {**super().get_fields(), "from": Instant(required=False)}


class Csv(BaseRenderer):
    """Chosen by `?format=csv`; the table itself is an answer of its own, so only an error comes this way."""

    media_type = "text/csv"
    format = "csv"

    def render(self, data: Any, *_: Any, **__: Any) -> bytes:
        return str(data.get("detail", data) if isinstance(data, dict) else data).encode()


WORDS = {
    "who": "Part of the address.", "action": "Such as rule.change, or rule for all about rules.",
    "target": "Part of its name, or its id.", "over": "page, api, admin, or the name of a token.",
    "team": "UUID.", "from": "Unix seconds or ISO 8601.", "to": "Up to it.",
    "before": "The id before which the page begins.", "size": "At most 1000.",
}  # fmt: skip
PARAMETERS = [OpenApiParameter(name, OpenApiTypes.STR, description=text) for name, text in WORDS.items()]
FORMAT = OpenApiParameter("format", OpenApiTypes.STR, enum=["json", "csv"], description="csv: at most 100,000 lines.")


class AuditView(APIView):
    """What people and tokens did in the teams one manages, newest first; site owners see the rest too."""

    resource = "audit"
    verbs: ClassVar[dict[str, str]] = {"GET": MANAGE}
    renderer_classes = (JSONRenderer, Csv)

    @extend_schema(parameters=[*PARAMETERS, FORMAT], responses=AuditSerializer)
    def get(self, request: Request) -> Response | StreamingHttpResponse:
        wish = AskedSerializer(data=request.query_params.dict())
        wish.is_valid(raise_exception=True)
        given = dict(wish.validated_data)
        rows: QuerySet[Audit] = Audit.objects.visible_to(me(request), MANAGE)
        team: UUID | None = given.get("team")
        if team:
            rows = rows.filter(team__uuid=team)
        named = {name: given[name] for name in ("who", "action", "target", "over")}
        rows = reading.chosen(rows, reading.Asked(since=given.get("from"), until=given.get("to"), **named))
        if request.accepted_renderer.format == "csv":
            answer = StreamingHttpResponse(reading.as_csv(rows), content_type="text/csv; charset=utf-8")
            answer["Content-Disposition"] = 'attachment; filename="audit.csv"'
            return answer
        page = reading.page(rows, given.get("before"), given["size"])
        return Response({"next": _older(request, page.older), "results": [reading.plain(row) for row in page.rows]})


def _older(request: Request, before: int | None) -> str | None:
    if before is None:
        return None
    query = request._request.GET.copy()
    query["before"] = str(before)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
