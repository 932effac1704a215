"""Schedules over the API: turns, who takes one over, who is on call now, and where nobody is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar, cast

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.base import ACT, LOOK, MANAGE
from accounts.models import Team, User
from alerts import oncall
from alerts.api.audited import Audited
from alerts.api.base import OfTeam
from alerts.api.moments import Moment
from alerts.models import Override, Rotation, Schedule
from alerts.services import people, schedules
from core import zones
from core.clock import now
from core.errors import Conflict
from core.strict import Strict

LONGEST = timedelta(days=366)
NOBODY = "The team has nobody of this id who may be told."
MOST_LAYERS, MOST_PEOPLE, MOST_OVERRIDES = 10, 50, 200


class PersonId(serializers.UUIDField):
    """A person by their id."""

    def to_representation(self, value: Any) -> str:
        return str(value.uuid)


class RotationSerializer(Strict, serializers.ModelSerializer[Rotation]):
    """People who take turns; later layers lie over earlier ones."""

    people = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=MOST_PEOPLE)
    days = serializers.IntegerField(min_value=1, max_value=365, default=7, help_text="Of one turn.")
    weekdays = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=6), max_length=7, default=list,
        help_text="On duty only on these: 0 is Monday; empty: every day.",
    )  # fmt: skip

    class Meta:
        model = Rotation
        fields = ("people", "days", "starts_on", "ends_on", "hand_over", "hours_from", "hours_until", "weekdays")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (attrs.get("hours_from") is None) != (attrs.get("hours_until") is None):
            raise serializers.ValidationError({"hours_until": "Give both hours, or neither."})
        if attrs.get("ends_on") and attrs["ends_on"] < attrs["starts_on"]:
            raise serializers.ValidationError({"ends_on": "It must not end before it starts."})
        attrs["people"] = [str(person) for person in attrs["people"]]
        return attrs


class OverrideSerializer(Strict, serializers.ModelSerializer[Override]):
    """Somebody takes a time over from whoever would have it."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    user = PersonId()
    name = serializers.CharField(source="user.__str__", read_only=True)
    starts_at = Moment()
    ends_at = Moment()

    class Meta:
        model = Override
        fields = ("id", "user", "name", "starts_at", "ends_at")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["starts_at"] < attrs["ends_at"] <= attrs["starts_at"] + LONGEST:
            raise serializers.ValidationError({"ends_at": "It must end after its start, within a year."})
        attrs["user"] = somebody(self.context["team"], attrs["user"], "user")
        return attrs


def somebody(team: Team, uuid: Any, field: str) -> User:
    found = people.tellable(team).filter(uuid=uuid).first()
    if found is None:
        raise serializers.ValidationError({field: NOBODY})
    return found


class ScheduleSerializer(OfTeam):
    """`rotations` are given whole; `warnings` say where nobody would be on call in the coming four weeks."""

    fallback = PersonId(allow_null=True, required=False, help_text="Told where nobody is on call.")
    rotations = RotationSerializer(many=True, required=False)
    overrides = serializers.SerializerMethodField(help_text="Those that are not over.")
    warnings = serializers.SerializerMethodField()

    class Meta:
        model = Schedule
        fields = ("id", "team", "name", "zone", "fallback", "rotations", "overrides", "warnings")
        validators: ClassVar[list[Any]] = []

    @extend_schema_field(OverrideSerializer(many=True))
    def get_overrides(self, schedule: Schedule) -> Any:
        at = now()
        return OverrideSerializer([one for one in schedule.overrides.all() if one.ends_at > at], many=True).data

    def get_warnings(self, schedule: Schedule) -> list[str]:
        return schedules.warnings(schedule, now())

    def validate_zone(self, value: str) -> str:
        if zones.find(value) is None:
            raise serializers.ValidationError(f"{value} is no known place. Write one such as Europe/Copenhagen.")
        return value

    def validate_rotations(self, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len(value) > MOST_LAYERS:
            raise serializers.ValidationError(f"A schedule has {MOST_LAYERS} layers at most.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        team = attrs.get("team") or cast("Schedule", self.instance).team
        if attrs.get("fallback"):
            attrs["fallback"] = somebody(team, attrs["fallback"], "fallback")
        named = {person for turns in attrs.get("rotations", []) for person in turns["people"]}
        if named - {str(uuid) for uuid in people.tellable(team).values_list("uuid", flat=True)}:
            raise serializers.ValidationError({"rotations": NOBODY})
        return attrs

    @transaction.atomic
    def create(self, asked: dict[str, Any]) -> Schedule:
        turns = asked.pop("rotations", [])
        made = Schedule(**asked)
        made.save()
        return self._turns(made, turns)

    @transaction.atomic
    def update(self, instance: Schedule, asked: dict[str, Any]) -> Schedule:
        turns = asked.pop("rotations", None)
        super().update(instance, asked)
        if turns is None:
            return instance
        instance.rotations.all().delete()
        return self._turns(instance, turns)

    def _turns(self, schedule: Schedule, turns: list[dict[str, Any]]) -> Schedule:
        for place, one in enumerate(turns):
            schedule.rotations.create(place=place, **one)
        schedule.refresh_from_db()  # what was read before is not what stands now
        return schedule


class DutySerializer(serializers.Serializer[Any]):
    """One stretch of time; nobody: `user` is null."""

    user = serializers.UUIDField(source="user.uuid", default=None)
    name = serializers.SerializerMethodField()
    start = serializers.SerializerMethodField()
    end = serializers.SerializerMethodField()

    def get_name(self, duty: schedules.Duty) -> str:
        return str(duty.user or "")

    def get_start(self, duty: schedules.Duty) -> float:
        return duty.start.timestamp()

    def get_end(self, duty: schedules.Duty) -> float:
        return duty.end.timestamp()


class RangeSerializer(Strict):
    start = Moment(required=False)
    end = Moment(required=False)

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of Python, and the one that people write.
        return {"from": Moment(source="start", required=False), "to": Moment(source="end", required=False)}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        start: datetime = attrs.get("start") or now()
        end: datetime = attrs.get("end") or start + oncall.AHEAD
        if not start < end <= start + LONGEST:
            raise serializers.ValidationError({"to": "It must come after `from`, within a year."})
        return {"start": start, "end": end}


TIMES = [OpenApiParameter(name, str, description="Unix seconds or ISO 8601.") for name in ("from", "to")]
NOW = {
    "type": "object",
    "properties": {
        "people": {"type": "array", "items": {"type": "object", "properties": {
            "id": {"type": "string", "format": "uuid"}, "name": {"type": "string"}}}},
        "fallback": {"type": "boolean", "description": "Nobody is on call: the fallback is told."},
        "until": {"type": ["number", "null"], "description": "Unix seconds; null: longer than four weeks."},
        "gaps": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
        "warnings": {"type": "array", "items": {"type": "string"}},
    },
}  # fmt: skip


class ScheduleViewSet(Audited):
    what = "schedule"
    resource = "schedules"
    verbs: ClassVar[dict[str, str]] = {
        "GET": LOOK, "POST": MANAGE, "PUT": MANAGE, "PATCH": MANAGE, "DELETE": MANAGE,
        "overrides": ACT, "remove_override": ACT,
    }  # fmt: skip
    serializer_class = ScheduleSerializer
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Schedule]:
        mine = Schedule.objects.visible_to(self.request.user).select_related("team", "fallback")
        return mine.prefetch_related("rotations", "overrides__user").order_by("pk")

    def perform_destroy(self, instance: Schedule) -> None:  # type: ignore[override]
        named = schedules.naming(instance)
        if named:
            text = f"Chains still ask this schedule: {', '.join(named[:5])}. Change them first."
            raise Conflict(text, code="in_use")
        super().perform_destroy(instance)

    @extend_schema(responses={(200, "application/json"): NOW})
    @action(detail=True)
    def now(self, request: Request, uuid: str) -> Response:
        """Who is on call now, until when, and when nobody is in the coming four weeks."""
        schedule: Schedule = self.get_object()
        at = now()
        duties = schedules.shifts(schedule, at, at + oncall.AHEAD)
        user = duties[0].user or schedules.fallback(schedule)
        return Response({
            "people": [{"id": str(user.uuid), "name": str(user)}] if user else [],
            "fallback": duties[0].user is None,
            "until": duties[0].end.timestamp() if len(duties) > 1 else None,
            "gaps": [[one.start.timestamp(), one.end.timestamp()] for one in duties if one.user is None],
            "warnings": schedules.warnings(schedule, at),
        })  # fmt: skip

    @extend_schema(parameters=TIMES, responses=DutySerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def shifts(self, request: Request, uuid: str) -> Response:
        """The final plan: every shift of a range, gaps included; four weeks from now when nothing is said."""
        asked = RangeSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        found = schedules.shifts(self.get_object(), **asked.validated_data)
        return Response(DutySerializer(found, many=True).data)

    @extend_schema(request=OverrideSerializer, responses={201: OverrideSerializer})
    @action(detail=True, methods=["post"])
    def overrides(self, request: Request, uuid: str) -> Response:
        """Take a time over, or give it to somebody."""
        schedule: Schedule = self.get_object()
        if schedule.overrides.filter(ends_at__gt=now()).count() >= MOST_OVERRIDES:
            raise Conflict(f"{MOST_OVERRIDES} times are taken over already. Remove one first.", code="too_many")
        asked = OverrideSerializer(data=request.data, context={"team": schedule.team})
        asked.is_valid(raise_exception=True)
        with transaction.atomic():
            made = schedule.overrides.create(**asked.validated_data)
            told = OverrideSerializer(made).data
            self.written("override", schedule, after=dict(told))
        return Response(told, status=201)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["delete"], url_path="overrides/<uuid:override>")
    def remove_override(self, request: Request, uuid: str, override: str) -> Response:
        schedule: Schedule = self.get_object()
        found = schedule.overrides.filter(uuid=override).first()
        if found is None:
            raise Http404
        with transaction.atomic():
            self.written("override", schedule, before=dict(OverrideSerializer(found).data))
            found.delete()
        return Response(status=204)
