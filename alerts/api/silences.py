"""Silences over the API: make, change and end them, and see first what one would hit."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.auth import TeamField, me
from accounts.base import ACT, LOOK, narrow
from accounts.models import Team, User
from alerts.api.base import Hidden, OfTeam
from alerts.api.moments import Moment
from alerts.models import Incident, Rule, Silence
from alerts.services import silences
from alerts.silences import Unreadable, check
from core.clock import now
from core.errors import Conflict
from core.selector import LONGEST
from core.strict import Selecting

YEAR = timedelta(days=366)
WHY = gettext_lazy("Say why: people who miss a message will ask.")


class SilenceSerializer(OfTeam, Selecting):
    rule = serializers.SlugRelatedField(
        slug_field="uuid", queryset=Rule.objects.none(), required=False, allow_null=True, default=None
    )
    starts_at = Moment(required=False, help_text="Empty: now.")
    ends_at = Moment(required=False, allow_null=True)
    duration = serializers.IntegerField(required=False, allow_null=True, min_value=60, max_value=31 * 86400)
    team = TeamField(ACT, required=False)  # whoever acts on a team's servers may silence them for a while
    reason = serializers.CharField(max_length=500, error_messages=dict.fromkeys(("required", "blank", "null"), WHY))
    owner = serializers.StringRelatedField()  # type: ignore[var-annotated]
    state = serializers.SerializerMethodField()
    window = serializers.SerializerMethodField()

    class Meta:
        model = Silence
        fields = (
            "id", "team", "selector", "rule", "starts_at", "ends_at", "rrule", "duration", "zone", "reason", "owner",
            "created_at", "ended_at", "state", "window",
        )  # fmt: skip
        read_only_fields = ("created_at", "ended_at")
        validators: ClassVar[list[Any]] = []

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        user = self.context["request"].user if "request" in self.context else None
        if isinstance(user, User):
            fields["rule"].queryset = Rule.objects.visible_to(user).standing()
        return fields

    def _check_name(self, attrs: dict[str, Any]) -> None:
        """They have none."""

    def _first_team(self) -> Team:
        team = Team.objects.visible_to(self.context["request"].user, ACT).order_by("pk").first()
        if team is None:
            raise serializers.ValidationError(_("You act in no team that this could belong to."))
        return team

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if self.instance is None:
            attrs.setdefault("starts_at", now())
        self._check_ends(attrs)
        rule, team = attrs.get("rule"), attrs.get("team") or getattr(self.instance, "team", None)
        if rule is not None and rule.team != team:
            raise serializers.ValidationError({"rule": _("This rule belongs to another team.")})
        if isinstance(team, Team):
            attrs |= self._within_reach(attrs, team)
        try:
            check(silences.times(self.meant(attrs)))
        except Unreadable as fault:
            raise serializers.ValidationError({fault.about: str(fault)}) from fault
        return attrs

    def _within_reach(self, attrs: dict[str, Any], team: Team) -> dict[str, Any]:
        """Whoever acts on some servers of the team silences those, whatever was written."""
        bound = narrow.text_for(self.context["request"].user, team.pk, ACT)
        if not bound:
            return {}
        meant = narrow.limited(attrs.get("selector", getattr(self.instance, "selector", "")), bound)
        if len(meant) > LONGEST:
            text = _("With what you may reach it is too long. Write less.")
            raise serializers.ValidationError({"selector": text})
        return {"selector": meant}

    def _check_ends(self, attrs: dict[str, Any]) -> None:
        at = now()
        if attrs.get("ends_at") and attrs["ends_at"] <= at:
            raise serializers.ValidationError({"ends_at": _("This time is over. Give one that is to come.")})
        if attrs.get("starts_at") and not at - YEAR < attrs["starts_at"] < at + 5 * YEAR:
            # From its start on each window is counted, and an end of all years cannot be counted to.
            text = _("Give a time within a year back and five years to come.")
            raise serializers.ValidationError({"starts_at": text})

    def meant(self, attrs: dict[str, Any]) -> Silence:
        """As it would stand, not saved."""
        kept = {field: getattr(self.instance, field) for field in ("team", *silences.FIELDS)} if self.instance else {}
        return Silence(**{**kept, **attrs})

    @extend_schema_field(serializers.ChoiceField(["waiting", "on", "off", "over"]))
    def get_state(self, silence: Silence) -> str:
        at = now()
        if silence.ended_at or (silence.ends_at and silence.ends_at <= at):
            return "over"
        if silence.starts_at > at:
            return "waiting"
        return "on" if silences.times(silence).at(at) else "off"

    @extend_schema_field(serializers.ListField(child=serializers.DateTimeField(), allow_null=True))
    def get_window(self, silence: Silence) -> list[datetime] | None:
        """The present one, or the next."""
        coming = [] if silence.ended_at else silences.times(silence).next(now(), 1)
        return list(coming[0]) if coming else None


class SilencePreviewSerializer(serializers.Serializer[Any]):
    servers = serializers.IntegerField(help_text="Machines.")
    checks = serializers.IntegerField(help_text="That stand alone, of no machine.")
    names = serializers.ListField(child=serializers.CharField())
    alerts = serializers.IntegerField()
    incidents = serializers.ListField(child=serializers.DictField())
    notices = serializers.IntegerField(help_text="Of the last 7 days, that it would have held.")
    windows = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()))


class SilenceViewSet(
    Hidden,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.CreateModelMixin,
    mixins.UpdateModelMixin,
):
    resource = "silences"
    verbs: ClassVar[dict[str, str]] = {
        "GET": LOOK, "POST": ACT, "PUT": ACT, "PATCH": ACT, "end": ACT, "preview": ACT,
    }  # fmt: skip
    serializer_class = SilenceSerializer
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Silence]:
        return Silence.objects.visible_to(self.request.user).select_related("team", "rule", "owner").order_by("-pk")

    def perform_create(self, serializer: Any) -> None:
        meant = cast("SilenceSerializer", serializer).meant(serializer.validated_data)
        serializer.instance = silences.save(meant, now(), by=self._user())

    def perform_update(self, serializer: Any) -> None:
        silence = serializer.instance
        if silence.ended_at or (silence.ends_at and silence.ends_at <= now()):
            raise Conflict(_("It is over and stays as it was. Make another one."), code="over")
        for field, value in serializer.validated_data.items():
            setattr(silence, field, value)
        silences.save(silence, now(), by=self._user())

    @extend_schema(request=None, responses=SilenceSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, uuid: str) -> Response:
        """From now on; it stays in the record."""
        silence = self.get_object()
        silences.end(silence, now(), by=self._user())
        silence.refresh_from_db()
        return Response(self.get_serializer(silence).data)

    @extend_schema(request=SilenceSerializer, responses=SilencePreviewSerializer)
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """What it would hit: servers and alerts now, notices of the last 7 days, the next windows."""
        asked = SilenceSerializer(
            context=self.get_serializer_context(),
            data={"reason": "-", **request.data} if isinstance(request.data, dict) else {},
        )
        asked.is_valid(raise_exception=True)
        found = silences.preview(asked.meant(asked.validated_data), now())
        mine = Incident.objects.visible_to(self._user()).filter(pk__in=[one.pk for one in found.incidents])
        return Response(
            {
                "servers": found.servers,
                "checks": found.checks,
                "names": found.names,
                "alerts": found.alerts,
                "incidents": [{"id": str(one.uuid), "title": one.title} for one in mine.order_by("-pk")],
                "notices": found.notices,
                "windows": [[start.timestamp(), end.timestamp()] for start, end in found.windows],
            }
        )

    def _user(self) -> User:
        return me(self.request)
