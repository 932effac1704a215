"""Incidents and what was said of them, over the API."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.base import ACT, LOOK
from alerts import services
from alerts.models import Incident, Notice
from core import runner
from core.clock import now


class IncidentSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    id = serializers.UUIDField(source="uuid", read_only=True)
    team = serializers.StringRelatedField()  # type: ignore[var-annotated]
    state = serializers.CharField(read_only=True)
    owner = serializers.StringRelatedField(source="acknowledged_by")  # type: ignore[var-annotated]

    class Meta:
        model = Incident
        fields = ("id", "team", "title", "severity", "state", "opened_at", "resolved_at", "acknowledged_at", "owner")


class NoticeSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    id = serializers.UUIDField(source="uuid", read_only=True)
    incident = serializers.UUIDField(source="incident.uuid", read_only=True)
    deliveries = serializers.SerializerMethodField()

    class Meta:
        model = Notice
        fields = ("id", "incident", "kind", "at", "text", "deliveries")

    def get_deliveries(self, notice: Notice) -> list[dict[str, Any]]:
        return [
            {"channel": str(one.channel.uuid), "state": one.state, "attempts": one.attempts, "error": one.error}
            for one in notice.deliveries.all()
        ]


class IncidentViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Incident]):
    resource = "incidents"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "acknowledge": ACT, "resolve": ACT}
    serializer_class = IncidentSerializer
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Incident]:
        return (
            Incident.objects.visible_to(self.request.user).select_related("team", "acknowledged_by").order_by("-pk")
        )

    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, uuid: str) -> Response:
        incident = self.get_object()
        services.acknowledge(incident, now(), by=request.user)  # type: ignore[arg-type]
        return self._now(incident)

    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, uuid: str) -> Response:
        incident = self.get_object()
        services.close(incident, now(), by=request.user)  # type: ignore[arg-type]
        runner.wake("rules")
        return self._now(incident)

    def _now(self, incident: Incident) -> Response:
        incident.refresh_from_db()
        return Response(self.get_serializer(incident).data)


class NoticeViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Notice]):
    resource = "notices"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK}
    serializer_class = NoticeSerializer
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Notice]:
        seen = Notice.objects.visible_to(self.request.user)
        return seen.select_related("incident").prefetch_related("deliveries__channel").order_by("-pk")
