"""Rules over the API."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ValidationError as Invalid
from django.db.models import QuerySet
from rest_framework import serializers, viewsets
from rest_framework.serializers import BaseSerializer

from accounts.base import LOOK, MANAGE
from alerts import services
from alerts.api.base import OfTeam
from alerts.models import Channel, Rule
from core.clock import now
from core.strict import Selecting
from metrics.store import METRIC


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
