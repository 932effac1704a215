"""Rules, channels and incidents over the API."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ValidationError as Invalid
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.base import ACT, LOOK, MANAGE
from accounts.models import Team, User
from alerts import delivery, services
from alerts.channels.base import DeliveryError, channels
from alerts.models import Channel, Incident, Notice, Rule
from core import runner
from core.clock import now
from core.errors import Conflict, Failure
from core.registry import Unknown
from core.strict import Selecting, Strict
from metrics.store import METRIC


class OfTeam(Strict, serializers.ModelSerializer):  # type: ignore[type-arg]
    """A thing of one team: the id outside is the UUID, and the team one the person manages."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    team = serializers.SlugRelatedField(slug_field="name", queryset=Team.objects.none(), required=False)

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        user = self.context["request"].user if "request" in self.context else None
        if isinstance(user, User) and not fields["team"].read_only:
            fields["team"].queryset = Team.objects.visible_to(user, MANAGE)
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.instance is None:
            attrs.setdefault("team", self._first_team())
        elif attrs.get("team", self.instance.team) != self.instance.team:
            raise serializers.ValidationError({"team": "Moving to another team is a step of its own."})
        self._check_name(attrs)
        return attrs

    def _first_team(self) -> Team:
        team = Team.objects.visible_to(self.context["request"].user, MANAGE).order_by("pk").first()
        if team is None:
            raise serializers.ValidationError("You manage no team that this could belong to.")
        return team

    def _check_name(self, attrs: dict[str, Any]) -> None:
        team = attrs.get("team") or getattr(self.instance, "team", None)
        namesakes = self.context["view"].get_queryset().filter(team=team, name=attrs.get("name"))
        if namesakes.exclude(pk=getattr(self.instance, "pk", None)).exists():
            raise serializers.ValidationError({"name": "This name is taken in the team."})


class ChannelSerializer(OfTeam):
    """The configuration can be written, never read back: it holds credentials."""

    config = serializers.DictField(write_only=True)

    class Meta:
        model = Channel
        fields = ("id", "team", "name", "kind", "config", "enabled", "default")
        validators: ClassVar[list[Any]] = []  # ours knows the team that is filled in

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        kind = str(attrs.get("kind") or getattr(self.instance, "kind", ""))
        if "config" in attrs or "kind" in attrs:
            try:
                channels.get(kind)(attrs.get("config", {}))
            except Unknown as fault:
                raise serializers.ValidationError({"kind": str(fault)}) from fault
            except (ValueError, Invalid) as fault:
                raise serializers.ValidationError({"config": _words(fault)}) from fault
        return attrs


def _words(fault: Exception) -> str:
    return " ".join(fault.messages) if isinstance(fault, Invalid) else str(fault)


class RuleSerializer(OfTeam, Selecting):
    class Meta:
        model = Rule
        fields = (
            "id", "team", "name", "kind", "metric", "labels", "selector", "op", "warn", "warn_recover",
            "critical", "critical_recover", "notify", "group_wait", "enabled",
        )  # fmt: skip
        validators: ClassVar[list[Any]] = []
        # What PostgreSQL can hold, on either database: the API's description must not depend on which one it is.
        extra_kwargs: ClassVar[dict[str, Any]] = {"group_wait": {"max_value": 2**31 - 1}}

    labels = serializers.DictField(child=serializers.CharField(max_length=500), required=False)
    notify = serializers.ListField(child=serializers.DictField(), required=False)

    def get_fields(self) -> dict[str, Any]:
        # `for` is a word of Python and of the contract.
        times = {
            "for": serializers.IntegerField(source="for_seconds", min_value=0, max_value=86400, required=False),
            "keep_firing_for": serializers.IntegerField(
                source="keep_firing_seconds", min_value=0, max_value=86400, required=False
            ),
        }
        return {**super().get_fields(), **times}

    def validate_metric(self, value: str) -> str:
        if not METRIC.fullmatch(value):
            raise serializers.ValidationError("Not a metric name: letters, digits and _, such as cpu_used_percent.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        whole = {name: attrs.get(name, getattr(self.instance, name, None)) for name in _LIMITS}
        if whole["warn"] is None and whole["critical"] is None:
            raise serializers.ValidationError({"critical": "Give a limit: warn, critical, or both."})
        _check_order(whole, above=attrs.get("op", getattr(self.instance, "op", "above")) == "above")
        self._check_targets(attrs)
        return attrs

    def _check_targets(self, attrs: dict[str, Any]) -> None:
        team = attrs.get("team") or getattr(self.instance, "team", None)
        for target in attrs.get("notify", []):
            known = Channel.objects.visible_to(self.context["request"].user).filter(team=team)
            try:
                found = set(target) == {"channel"} and known.filter(uuid=target["channel"]).exists()
            except (Invalid, ValueError, TypeError):
                found = False
            if not found:
                raise serializers.ValidationError({"notify": 'Each target is {"channel": "<id>"} of a channel here.'})


_LIMITS = ("warn", "warn_recover", "critical", "critical_recover")


def _check_order(limits: dict[str, float | None], *, above: bool) -> None:
    """A recovery value on the wrong side of its limit would make an alert that never ends, or flaps."""
    side = "below" if above else "above"
    for low, high in (("warn_recover", "warn"), ("critical_recover", "critical"), ("warn", "critical")):
        first, second = limits[low], limits[high]
        if first is not None and second is not None and (first > second if above else first < second):
            raise serializers.ValidationError({low: f"{low} must be {side} {high}, or equal to it."})


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


class RuleViewSet(viewsets.ModelViewSet[Rule]):
    resource = "rules"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "POST": MANAGE, "PUT": MANAGE, "PATCH": MANAGE, "DELETE": MANAGE}
    serializer_class = RuleSerializer
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Rule]:
        return Rule.objects.visible_to(self.request.user).standing().select_related("team").order_by("pk")

    def perform_create(self, serializer: BaseSerializer[Rule]) -> None:
        serializer.save()
        services.rules_changed()

    def perform_update(self, serializer: BaseSerializer[Rule]) -> None:
        serializer.save()
        services.rules_changed()

    def perform_destroy(self, instance: Rule) -> None:
        services.remove_rule(instance, now())


class ChannelViewSet(viewsets.ModelViewSet[Channel]):
    resource = "channels"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "POST": MANAGE, "PUT": MANAGE, "PATCH": MANAGE, "DELETE": MANAGE}
    serializer_class = ChannelSerializer
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Channel]:
        return Channel.objects.visible_to(self.request.user).select_related("team").order_by("pk")

    def perform_destroy(self, instance: Channel) -> None:
        named = services.naming(instance)
        if named:
            raise Conflict(
                f"Rules still tell by this channel: {', '.join(named[:5])}. Change them first.", code="in_use"
            )
        instance.delete()

    @extend_schema(request=None, responses={200: dict, 502: dict})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, uuid: str) -> Response:
        """Send a test message now and say what became of it."""
        try:
            count = delivery.send_test(self.get_object())
        except DeliveryError as error:
            raise Failure(f"The test was not delivered: {error}", code="not_delivered", status=502) from error
        return Response({"sent": count})


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
