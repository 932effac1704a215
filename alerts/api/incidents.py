"""Incidents over the API: what is wrong, who looks after it, and everything that was said of it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.auth import me
from accounts.base import ACT, LOOK
from alerts import record, services
from alerts.api import asked
from alerts.api.base import Hidden
from alerts.api.moments import Moment
from alerts.models import Incident
from core import runner
from core.clock import now
from core.strict import Strict


class IncidentSerializer(serializers.ModelSerializer[Incident]):
    id = serializers.UUIDField(source="uuid", read_only=True)
    team = serializers.StringRelatedField()  # type: ignore[var-annotated]
    state = serializers.CharField(read_only=True)
    owner = serializers.StringRelatedField(source="acknowledged_by")  # type: ignore[var-annotated]
    rule = serializers.UUIDField(source="rule.uuid", read_only=True, allow_null=True, default=None)
    explained_by = serializers.UUIDField(
        source="explaining.uuid",
        read_only=True,
        allow_null=True,
        default=None,
        help_text="Such as its server being down.",
    )

    class Meta:
        model = Incident
        fields = (
            "id", "team", "title", "severity", "state", "opened_at", "resolved_at", "acknowledged_at", "owner",
            "acknowledged_how", "acknowledged_until", "acknowledged_reason", "acknowledged_over", "rule",
            "explained_by", "told_at", "next_at",
        )  # fmt: skip


class AcknowledgeSerializer(Strict):
    how = serializers.ChoiceField(("", "sticky", "until"), required=False, default="")
    until = Moment(required=False, allow_null=True, default=None)
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        until = attrs["until"]
        if (attrs["how"] == "until") and until is None:
            raise serializers.ValidationError({"until": "Say until when, or leave how empty: until it gets worse."})
        if until is not None and until <= now():
            raise serializers.ValidationError({"until": "This time is over. Give one that is to come."})
        return attrs


class NoteSerializer(Strict):
    text = serializers.CharField(max_length=400)


class EntrySerializer(serializers.Serializer[Any]):
    """A line of the timeline: a notice, a delivery of one, or a step of a chain."""

    at = serializers.DateTimeField()
    entry = serializers.CharField()
    kind = serializers.CharField()
    text = serializers.CharField()
    state = serializers.CharField()
    result = serializers.CharField()
    by = serializers.CharField()
    due_at = serializers.DateTimeField(allow_null=True)
    done_at = serializers.DateTimeField(allow_null=True)
    told_at = serializers.DateTimeField(allow_null=True, help_text="Of a notice: empty, it is not told yet.")
    held = serializers.CharField(help_text="Why it was told later than it happened, or not at all.")
    notice = serializers.UUIDField(allow_null=True)
    told_in = serializers.UUIDField(allow_null=True)


class IncidentViewSet(Hidden, mixins.ListModelMixin, mixins.RetrieveModelMixin):
    resource = "incidents"
    verbs: ClassVar[dict[str, str]] = {
        "GET": LOOK, "acknowledge": ACT, "unacknowledge": ACT, "resolve": ACT, "note": ACT,
    }  # fmt: skip
    serializer_class = IncidentSerializer
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Incident]:
        seen = Incident.objects.visible_to(self.request.user)
        # What explains it may be out of this person's reach: then it is not named.
        parent = Prefetch("parent", Incident.objects.visible_to(self.request.user), to_attr="explaining")
        seen = seen.select_related("team", "acknowledged_by", "rule").prefetch_related(parent).order_by("-pk")
        if self.action != "list":
            return seen
        return asked.incidents(seen, asked.read(asked.IncidentsAsked, self.request), me(self.request))

    @extend_schema(parameters=[asked.IncidentsAsked])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @extend_schema(request=AcknowledgeSerializer, responses=IncidentSerializer)
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, uuid: str) -> Response:
        """I look after it: until it gets worse, `sticky` to its end, or until a time."""
        incident, said = self.get_object(), self._said(AcknowledgeSerializer)
        over = "api" if request.auth else "web"
        services.acknowledge(incident, now(), by=me(request), over=over, **said)
        return self._now(incident)

    @extend_schema(request=None, responses=IncidentSerializer)
    @action(detail=True, methods=["post"])
    def unacknowledge(self, request: Request, uuid: str) -> Response:
        """Nobody looks after it any more: whom it concerns is called again."""
        incident = self.get_object()
        services.unacknowledge(incident, now(), by=me(request))
        return self._now(incident)

    @extend_schema(request=None, responses=IncidentSerializer)
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, uuid: str) -> Response:
        """It is over. What is still bad at the next sample is another incident."""
        incident = self.get_object()
        services.close(incident, now(), by=me(request))
        runner.wake("rules")
        return self._now(incident)

    @extend_schema(request=NoteSerializer, responses=IncidentSerializer)
    @action(detail=True, methods=["post"])
    def note(self, request: Request, uuid: str) -> Response:
        """A word to whoever reads the incident; nobody is called by it."""
        incident, said = self.get_object(), self._said(NoteSerializer)
        services.note(incident, now(), by=me(request), text=said["text"])
        return self._now(incident)

    @extend_schema(responses=EntrySerializer(many=True))
    @action(detail=True, methods=["get"], pagination_class=None)
    def timeline(self, request: Request, uuid: str) -> Response:
        """Every event, message, step and delivery, with the provider's answers, in the order of time."""
        return Response(EntrySerializer(record.timeline(self.get_object()), many=True).data)

    def _said(self, shape: type[Strict]) -> dict[str, Any]:
        said = shape(data=self.request.data)
        said.is_valid(raise_exception=True)
        found: dict[str, Any] = said.validated_data
        return found

    def _now(self, incident: Incident) -> Response:
        # Asked as at first: whoever is narrowed reads it by the part they may see.
        return Response(IncidentSerializer(self.get_queryset().get(pk=incident.pk)).data)
