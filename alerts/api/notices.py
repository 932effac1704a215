"""The record over the API: what was said, to whom, and what the providers answered; also as a table."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import mixins, serializers, viewsets
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.base import LOOK
from alerts import record
from alerts.api import asked
from alerts.models import Notice


class DeliverySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    channel = serializers.UUIDField(allow_null=True, help_text="Empty: a person's own.")
    name = serializers.CharField()
    to = serializers.CharField()
    state = serializers.CharField()
    attempts = serializers.IntegerField()
    due_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
    answer = serializers.CharField()
    error = serializers.CharField()


class NoticeSerializer(serializers.ModelSerializer[Notice]):
    id = serializers.UUIDField(source="uuid", read_only=True)
    incident = serializers.UUIDField(source="incident.uuid", read_only=True)
    server = serializers.UUIDField(source="alert.server.uuid", read_only=True, allow_null=True, default=None)
    by = serializers.StringRelatedField()  # type: ignore[var-annotated]
    state = serializers.CharField(read_only=True, help_text="waiting, held, told or not told.")
    held = serializers.CharField(read_only=True)
    told_in = serializers.UUIDField(source="told_in.uuid", read_only=True, allow_null=True, default=None)
    deliveries = serializers.SerializerMethodField()

    class Meta:
        model = Notice
        fields = (
            "id", "incident", "server", "kind", "at", "text", "by", "state", "held", "told_at", "told_in",
            "deliveries",
        )  # fmt: skip

    @extend_schema_field(DeliverySerializer(many=True))
    def get_deliveries(self, notice: Notice) -> Any:
        return DeliverySerializer([record.delivered(one) for one in notice.deliveries.all()], many=True).data


class Csv(BaseRenderer):
    """Chosen by `?format=csv` or by Accept; the table is made by `record`."""

    media_type = "text/csv"
    format = "csv"

    def render(self, data: Any, *_: Any, **__: Any) -> bytes:
        # Only an error comes this way: the table itself is an answer of its own.
        return str(data.get("detail", data) if isinstance(data, dict) else data).encode()


FORMAT = OpenApiParameter("format", OpenApiTypes.STR, enum=["json", "csv"], description="csv: one line a delivery.")


class NoticeViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Notice]):
    resource = "notices"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK}
    serializer_class = NoticeSerializer
    renderer_classes = (JSONRenderer, Csv)
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Notice]:
        return record.told(Notice.objects.visible_to(self.request.user)).order_by("-pk")

    @extend_schema(parameters=[asked.NoticesAsked, FORMAT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response | HttpResponse:  # type: ignore[override]
        """What was said, newest first. As a table the newest 20,000: older ones by `from` and `to`."""
        chosen = asked.notices(self.get_queryset(), asked.read(asked.NoticesAsked, request))
        if request.accepted_renderer.format == "csv":
            answer = HttpResponse(record.as_csv(chosen), content_type="text/csv; charset=utf-8")
            answer["Content-Disposition"] = 'attachment; filename="notices.csv"'
            return answer
        page = self.paginate_queryset(chosen)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
