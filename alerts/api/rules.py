"""Rules over the API."""

from __future__ import annotations

from copy import copy
from typing import Any, ClassVar

import msgspec
from django.db import IntegrityError
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.auth import me
from accounts.base import LOOK, MANAGE
from accounts.models import User
from alerts import known, replay, validating
from alerts.api.base import Hidden, OfTeam
from alerts.kinds import registry
from alerts.models import KINDS, SEVERITIES, Rule
from alerts.services import rules as ruling
from core.clock import milliseconds, now

TAKEN = "This name is taken in the team."


@extend_schema_field({
    "type": "array",
    "items": {
        "oneOf": [
            {"type": "object", "properties": {kind: {"type": "string", "format": "uuid"}}, "required": [kind],
             "additionalProperties": False}
            for kind in ("channel", "chain", "person")
        ]
    },
})  # fmt: skip
class Targets(serializers.JSONField):
    """Whom a rule tells: channels, chains and people of its team."""


def _kinds() -> dict[str, Any]:
    """The parameters of each kind as it reads them."""
    listed = []
    for name in registry:
        schema = msgspec.json.schema(registry.get(name).params)
        inner = dict(schema["$defs"][schema["$ref"].rpartition("/")[2]])
        text = inner.pop("description", "").removesuffix(".")
        listed.append({**inner, "title": name, "description": f"{registry.get(name).title}. {text}."})
    return {"anyOf": listed}


@extend_schema_field(_kinds())
class Params(serializers.JSONField):
    """What only the kind knows."""


def words(help_text: str) -> Any:
    return serializers.ListField(child=serializers.CharField(max_length=80), required=False, help_text=help_text)


class RuleSerializer(OfTeam):
    """A rule by the names of the contract; what is wrong with it is said by `validating`, as everywhere."""

    class Meta:
        model = Rule
        fields = (
            "id", "team", "name", "kind", "metric", "labels", "selector", "op", "warn", "warn_recover",
            "critical", "critical_recover", "params", "notify", "group_by", "group_wait", "group_interval",
            "repeat_intervals", "runbook", "enabled", "fault", "fault_at", "changed_at", "warnings",
        )  # fmt: skip
        read_only_fields = ("fault", "fault_at", "changed_at")
        validators: ClassVar[list[Any]] = []
        # What PostgreSQL can hold, on either database: the API's description must not depend on which one it is.
        extra_kwargs: ClassVar[dict[str, Any]] = {
            "op": {"error_messages": {"invalid_choice": "“{input}” is not known; write above or below."}},
            "kind": {
                "error_messages": {"invalid_choice": f"“{{input}}” is not known; kinds are {', '.join(KINDS)}."}
            },
            "group_wait": {"max_value": 2**31 - 1},
            "group_interval": {"max_value": 2**31 - 1},
        }

    labels = serializers.DictField(child=serializers.CharField(max_length=500, allow_blank=True), required=False)
    params = Params(required=False, help_text="Only what its kind knows.")
    notify = Targets(required=False, help_text="Empty: the default chain of the team, else its default channels.")
    group_by = words("Some of rule, server, role, site, os, env and tag:<word>; empty: rule.")
    repeat_intervals = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**31 - 1), required=False,
        help_text="Seconds until it is said again, then until the next time; empty: 4 h, a day, a week.",
    )  # fmt: skip
    warnings = serializers.SerializerMethodField(help_text="What makes it watch nothing today, of one rule alone.")

    def get_fields(self) -> dict[str, Any]:
        # `for` is a word of Python and of the contract.
        times = {
            name: serializers.IntegerField(
                source=validating.FIELDS[name], min_value=0, max_value=validating.LONGEST[name], required=False,
                help_text=text,
            )
            for name, text in (
                ("for", "Seconds it must last before it is told."),
                ("keep_firing_for", "Seconds it must be good before it is over."),
            )
        }  # fmt: skip
        return {**super().get_fields(), **times}

    def get_warnings(self, rule: Rule) -> list[str]:
        return known.warnings(rule) if self.context.get("alone") else []

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        before = self.instance if isinstance(self.instance, Rule) else None
        rule = copy(before) if before else Rule(team=attrs["team"])
        for name, value in attrs.items():
            setattr(rule, name, value)
        validating.complete(rule, before)
        found = validating.faults(rule)
        if before:
            found = _new(found, validating.faults(before), set(self.initial_data))
        if found:
            raise serializers.ValidationError(found)
        return attrs | {name: getattr(rule, name) for name in validating.RECOVERY.values()}

    def create(self, asked: dict[str, Any]) -> Rule:
        rule = Rule(**asked)
        try:
            ruling.make_rule(rule, by=self._who())
        except IntegrityError as fault:
            raise serializers.ValidationError({"name": TAKEN}) from fault
        return rule

    def update(self, rule: Rule, asked: dict[str, Any]) -> Rule:
        try:
            ruling.change_rule(rule, asked, by=self._who())
        except IntegrityError as fault:
            raise serializers.ValidationError({"name": TAKEN}) from fault
        return rule

    def _who(self) -> User:
        user: User = self.context["request"].user
        return user


def _new(found: dict[str, list[str]], stood: dict[str, list[str]], asked: set[str]) -> dict[str, list[str]]:
    """What was wrong before, such as a target that is gone, must not hold up a change of something else."""
    return {field: said for field, said in found.items() if field in asked or said != stood.get(field)}


class PreviewSerializer(RuleSerializer):
    """A rule that need not be kept, and how far to look back."""

    class Meta(RuleSerializer.Meta):
        fields = (*RuleSerializer.Meta.fields, "days")  # type: ignore[assignment]

    name = serializers.CharField(max_length=120, default="Preview")
    days = serializers.FloatField(min_value=0.01, max_value=replay.MOST_DAYS, default=30)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        days = attrs.pop("days")
        return {**super().validate(attrs), "days": days}

    def _check_name(self, attrs: dict[str, Any]) -> None:
        """It is not kept: any name will do."""


class SpanSerializer(serializers.Serializer[Any]):
    """One time that it would have been told, until it was over (`end` empty: it still goes on). Unix seconds."""

    server = serializers.UUIDField()
    name = serializers.CharField()
    labels = serializers.DictField(child=serializers.CharField())
    severity = serializers.ChoiceField(SEVERITIES)
    start = serializers.FloatField()
    end = serializers.FloatField(allow_null=True)
    peak = serializers.FloatField(allow_null=True)


class PreviewedSerializer(serializers.Serializer[Any]):
    """What a rule would have told; `note` says in words what was looked at."""

    fired = serializers.IntegerField()
    night = serializers.IntegerField(help_text="From 22 to 7 in your zone.")
    short = serializers.IntegerField(help_text="Over within 10 minutes.")
    messages_per_week = serializers.FloatField(help_text="What overlaps is told together.")
    days = serializers.FloatField(help_text="Really looked at.")
    zone = serializers.CharField()
    servers = serializers.IntegerField(help_text="Machines that the rule means.")
    checks = serializers.IntegerField(help_text="That it means and that stand alone, of no machine.")
    judged = serializers.IntegerField(help_text="That told the metric.")
    exact_from = serializers.FloatField(allow_null=True, help_text="From here on samples, before it buckets.")
    note = serializers.CharField()
    suggested = serializers.DictField(allow_null=True, help_text="Limits that fire at most twice a month.")
    chart = serializers.DictField(allow_null=True, help_text="The series that fired most.")
    spans = SpanSerializer(many=True, help_text="At most 500; those of the chart's series first.")


class RuleViewSet(Hidden, viewsets.ModelViewSet[Rule]):
    resource = "rules"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "POST": MANAGE, "PUT": MANAGE, "PATCH": MANAGE, "DELETE": MANAGE}
    serializer_class = RuleSerializer
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Rule]:
        return Rule.objects.visible_to(self.request.user).standing().select_related("team").order_by("pk")

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "alone": self.action != "list"}

    def perform_destroy(self, instance: Rule) -> None:
        ruling.remove_rule(instance, now(), by=me(self.request))

    @extend_schema(request=PreviewSerializer, responses=PreviewedSerializer)
    @action(detail=False, methods=["post"], serializer_class=PreviewSerializer)
    def preview(self, request: Request) -> Response:
        """What this rule would have told of the last days. Nothing is kept."""
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        fields = dict(asked.validated_data)
        days = fields.pop("days")
        zone = me(request).clock
        return Response(replay.preview(Rule(**fields), replay.Asked(milliseconds(), days, zone)).answer())
