"""How people are told, over the API: who there is, their preferences, and the ways over channels of their own."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError as Invalid
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.auth import me
from accounts.base import ACT, LOOK
from accounts.models import Membership, User
from alerts import delivery, quiet
from alerts.api.audited import Audited
from alerts.channels.base import DeliveryError, channels
from alerts.models import Channel, Preference, Way
from alerts.services import channels as verbs
from alerts.services import own, people
from core import zones
from core.clock import now
from core.errors import Failure
from core.registry import Unknown
from core.strict import Strict

LONGEST_WAIT = 86_400
LANGUAGES = [(code, str(name)) for code, name in settings.LANGUAGES]


class PersonSerializer(serializers.ModelSerializer[User]):
    """Somebody of one's teams, as chains and schedules name them."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    name = serializers.CharField(source="__str__", read_only=True)
    teams = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ("id", "name", "email", "teams")

    def get_teams(self, user: User) -> list[str]:
        mine = Membership.objects.visible_to(self.context["request"].user).filter(user=user).select_related("team")
        return [member.team.name for member in mine.order_by("pk")]


class PersonViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[User]):
    """The active members of the teams one may look at."""

    resource = "people"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK}
    serializer_class = PersonSerializer

    def get_queryset(self) -> QuerySet[User]:
        members = Membership.objects.visible_to(self.request.user).values("user")
        return User.objects.filter(pk__in=members, is_active=True).order_by("pk")


class PreferenceSerializer(Strict, serializers.ModelSerializer[Preference]):
    """Language and zone are of the person's profile; they stand here too, since the times below depend on them."""

    language = serializers.ChoiceField(
        choices=LANGUAGES, allow_blank=True, required=False, help_text="Empty: the browser's."
    )
    zone = serializers.CharField(max_length=64, required=False)
    quiet_days = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=6), max_length=7, required=False,
        help_text="Days on which the quiet time begins: 0 is Monday; empty: every day.",
    )  # fmt: skip

    class Meta:
        model = Preference
        fields = ("language", "zone", "quiet_from", "quiet_until", "quiet_days", "critical_breaks_quiet")

    def validate_zone(self, value: str) -> str:
        if zones.find(value) is None:
            raise serializers.ValidationError(f"{value} is no known place. Write one such as Europe/Copenhagen.")
        return value

    def validate_quiet_days(self, value: list[int]) -> list[int]:
        return sorted(set(value))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        whole = {name: attrs.get(name, getattr(self.instance, name, None)) for name in ("quiet_from", "quiet_until")}
        if (whole["quiet_from"] is None) != (whole["quiet_until"] is None):
            raise serializers.ValidationError({"quiet_until": "Give both ends of the quiet time, or neither."})
        days = frozenset(attrs.get("quiet_days", getattr(self.instance, "quiet_days", [])))
        if quiet.never_ends(quiet.Hours(whole["quiet_from"], whole["quiet_until"], days)):
            raise serializers.ValidationError(
                {"quiet_until": "This would never end, and nothing be told. Leave a gap."}
            )
        return attrs


class PreferenceView(APIView):
    """One's own: language, zone and quiet hours, in which a warning waits and only the worst may wake."""

    resource = "people"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "PUT": LOOK, "PATCH": LOOK}

    @extend_schema(responses=PreferenceSerializer)
    def get(self, request: Request) -> Response:
        return Response(PreferenceSerializer(people.preference(me(request))).data)

    @extend_schema(request=PreferenceSerializer, responses=PreferenceSerializer)
    def put(self, request: Request) -> Response:
        return self._set(request, Preference(user=me(request)))

    @extend_schema(request=PreferenceSerializer, responses=PreferenceSerializer)
    def patch(self, request: Request) -> Response:
        return self._set(request, people.preference(me(request)))

    def _set(self, request: Request, before: Preference) -> Response:
        asked = PreferenceSerializer(before, data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        whole = {
            name: asked.validated_data.get(name, getattr(before, name)) for name in PreferenceSerializer.Meta.fields
        }
        return Response(PreferenceSerializer(own.set_preference(me(request), whole)).data)


class WaySerializer(Strict, serializers.ModelSerializer[Way]):
    """Over which own channel, from which severity, after how many seconds without an acknowledgement."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    channel = serializers.SlugRelatedField(slug_field="uuid", queryset=Channel.objects.none(), required=False)
    name = serializers.CharField(source="channel.name", read_only=True)
    kind = serializers.CharField(required=False, write_only=True, help_text="Makes the channel too, with address.")
    address = serializers.CharField(required=False, write_only=True, max_length=2000, help_text="Mail, number, URL.")
    config = serializers.DictField(required=False, write_only=True, help_text="Instead of address.")
    over = serializers.CharField(source="channel.kind", read_only=True)
    to = serializers.SerializerMethodField()
    warnings = serializers.SerializerMethodField()
    after = serializers.IntegerField(min_value=0, max_value=LONGEST_WAIT, required=False)
    place = serializers.IntegerField(min_value=0, max_value=1000, required=False)

    class Meta:
        model = Way
        fields = (
            "id", "channel", "kind", "address", "config", "name", "over", "to", "severity", "after", "place",
            "warnings",
        )  # fmt: skip

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        user = self.context["request"].user if "request" in self.context else None
        if isinstance(user, User):
            fields["channel"].queryset = Channel.objects.visible_to(user).filter(owner=user)
        return fields

    def get_warnings(self, way: Way) -> list[str]:
        """Said to whoever acts in no team."""
        return [] if way.user.may(ACT) else [people.looks(way.user)]

    def get_to(self, way: Way) -> str:
        return ", ".join(filter(None, people.recipients(way.channel)))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        making = {"kind", "address", "config"} & set(attrs)
        if self.instance is not None:
            if making:
                raise serializers.ValidationError("A way is changed by channel, severity, after and place alone.")
            return attrs
        if ("channel" in attrs) == bool(making):
            raise serializers.ValidationError("Say which channel: `channel` of yours, or `kind` and `address`.")
        if making:
            attrs["config"] = self._config(attrs)
        return attrs

    def _config(self, attrs: dict[str, Any]) -> dict[str, Any]:
        kind = attrs.get("kind", "")
        try:
            config: dict[str, Any] = attrs.get("config") or own.config_of(kind, attrs.get("address", ""))
            channels.get(kind)(config)
        except Unknown as fault:
            raise serializers.ValidationError({"kind": str(fault)}) from fault
        except (ValueError, Invalid) as fault:
            text = " ".join(fault.messages) if isinstance(fault, Invalid) else str(fault)
            raise serializers.ValidationError({"config" if "config" in attrs else "address": text}) from fault
        refused = own.refusal(self.context["request"].user, kind, config)
        if refused:
            raise serializers.ValidationError({"kind": refused})
        if closed := verbs.forbidden(config):
            raise serializers.ValidationError({"config" if "config" in attrs else "address": closed})
        return config

    def create(self, asked: dict[str, Any]) -> Way:
        user = self.context["request"].user
        channel = asked.get("channel") or own.own_channel(user, asked["kind"], asked["config"])
        return own.add_way(user, channel, asked)


class TestedSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField()


class WayViewSet(Audited):
    """One's own ways, in order. Without any, one is told by mail to the address of the account."""

    what = "way"
    taken = "You are told by this channel from this severity on already."
    resource = "people"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "POST": LOOK, "PUT": LOOK, "PATCH": LOOK, "DELETE": LOOK}
    serializer_class = WaySerializer
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Way]:
        return Way.objects.visible_to(self.request.user).select_related("channel", "user").order_by("place", "pk")

    def perform_create(self, serializer: serializers.BaseSerializer[Any]) -> None:
        serializer.save()  # the service writes the trail

    @extend_schema(request=None, responses={200: TestedSerializer, 502: dict})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, uuid: str) -> Response:
        """Send a test over it now and say what became of it."""
        way: Way = self.get_object()
        verbs.count_test(way.channel, now(), by=me(request))
        try:
            delivery.send_test(way.channel)
        except DeliveryError as error:
            raise Failure(f"The test was not delivered: {error}", code="not_delivered", status=502) from error
        return Response({"detail": f"The test went out by {way.channel}."})
