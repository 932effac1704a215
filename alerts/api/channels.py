"""Channels over the API: credentials go in and never come out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as Invalid
from django.db.models import Count, OuterRef, QuerySet, Subquery
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.auth import me, missing
from accounts.base import LOOK, MANAGE
from accounts.models import User
from alerts import delivery
from alerts.api.base import OfTeam
from alerts.channels.base import DeliveryError, channels, describe
from alerts.models import Channel, Delivery
from alerts.services import channels as verbs
from alerts.services import own as owning
from core.clock import now
from core.errors import Failure
from core.registry import Unknown
from core.strict import Strict

WEEK = timedelta(days=7)
LANGUAGES = [(code, str(name)) for code, name in settings.LANGUAGES]


class ChannelSerializer(OfTeam):
    """The configuration can be written, never read back: it holds credentials."""

    config = serializers.DictField(
        write_only=True,
        help_text="As the kind has it (GET channels/kinds). A secret that is left out stays as it is.",
    )
    own = serializers.BooleanField(
        required=False, write_only=True, help_text="One's own channel, of no team; said when it is made."
    )
    language = serializers.ChoiceField(
        choices=LANGUAGES, allow_blank=True, required=False, help_text="Empty: the one of the product."
    )
    fallback = serializers.SlugRelatedField(
        slug_field="uuid", queryset=Channel.objects.none(), required=False, allow_null=True
    )
    dead = serializers.SerializerMethodField(help_text="Dead letters in the last seven days.")

    class Meta:
        model = Channel
        fields = (
            "id", "team", "name", "kind", "config", "enabled", "default", "own", "language", "fallback", "storm_cap",
            "fault", "resting_until", "failures", "dead",
        )  # fmt: skip
        read_only_fields = ("fault", "resting_until", "failures")
        validators: ClassVar[list[Any]] = []  # ours knows the team that is filled in

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        fields["fallback"].queryset = Channel.objects.visible_to(self.context["request"].user)
        return fields

    @extend_schema_field(int)
    def get_dead(self, channel: Channel) -> int:
        return getattr(channel, "dead", None) or 0

    def to_representation(self, instance: Channel) -> dict[str, Any]:
        return {**super().to_representation(instance), "own": instance.owner_id is not None}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        own = attrs.pop("own", False)
        if self.instance is not None:
            own = self.instance.owner_id is not None
        attrs = self._own(attrs) if own else super().validate(attrs)
        self._check_fallback(attrs)
        kind = str(attrs.get("kind") or getattr(self.instance, "kind", ""))
        if "config" in attrs or "kind" in attrs:
            attrs["config"] = _checked(self.instance, kind, attrs.get("config", {}))
            refused = owning.refusal(self.context["request"].user, kind, attrs["config"]) if own else ""
            if refused:
                raise serializers.ValidationError({"kind": refused})
            if closed := verbs.forbidden(attrs["config"]):
                raise serializers.ValidationError({"config": closed})
        return attrs

    def _own(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.pop("team", None) is not None:
            raise serializers.ValidationError({"team": "One's own channel belongs to no team."})
        user = self.context["request"].user
        mine = Channel.objects.visible_to(user).filter(owner=user, name=attrs.get("name"))
        if mine.exclude(pk=self.instance.pk if self.instance else 0).exists():
            raise serializers.ValidationError({"name": "You have a channel of this name."})
        if self.instance is None:
            owning.room(user)
        return {**attrs, "owner": user}

    def _check_fallback(self, attrs: dict[str, Any]) -> None:
        """Of the same team or person, and not round in a circle."""
        fallback: Channel | None = attrs.get("fallback")
        if fallback is None:
            return
        team, owner = attrs.get("team") or getattr(self.instance, "team", None), attrs.get("owner")
        owner = owner or getattr(self.instance, "owner", None)
        if (fallback.team, fallback.owner) != (team, owner):
            raise serializers.ValidationError({"fallback": "Name a channel of the same team, or of your own."})
        seen = {getattr(self.instance, "pk", None)}
        while fallback is not None:
            if fallback.pk in seen:
                raise serializers.ValidationError({"fallback": "This would go round in a circle. Name another."})
            seen.add(fallback.pk)
            fallback = fallback.fallback

    def create(self, validated_data: dict[str, Any]) -> Channel:
        return self._kept(Channel(), validated_data, None)

    def update(self, instance: Channel, validated_data: dict[str, Any]) -> Channel:
        return self._kept(instance, validated_data, verbs.shown(instance))

    def _kept(self, channel: Channel, values: dict[str, Any], before: dict[str, Any] | None) -> Channel:
        for name, value in values.items():
            setattr(channel, name, value)
        verbs.save(channel, by=self.context["request"].user, before=before)
        return channel


def _checked(before: Channel | None, kind: str, asked: dict[str, Any]) -> dict[str, Any]:
    """The whole configuration, as its kind takes it."""
    try:
        config = verbs.merged(before, kind, asked)
        channels.get(kind)(config)
    except Unknown as fault:
        raise serializers.ValidationError({"kind": str(fault)}) from fault
    except (ValueError, Invalid) as fault:
        text = " ".join(fault.messages) if isinstance(fault, Invalid) else str(fault)
        raise serializers.ValidationError({"config": text}) from fault
    return config


class FieldSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    help = serializers.CharField()
    secret = serializers.BooleanField()
    required = serializers.BooleanField()  # type: ignore[assignment]
    type = serializers.ChoiceField(["text", "long", "tick", "list"])


class KindSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    title = serializers.CharField()
    storm_cap = serializers.IntegerField()
    fields = FieldSerializer(many=True)  # type: ignore[assignment]


class TriedSerializer(serializers.Serializer[Any]):
    to = serializers.CharField()
    ok = serializers.BooleanField()
    answer = serializers.CharField()


class ChannelTestedSerializer(Strict):
    sent = serializers.IntegerField()
    answers = TriedSerializer(many=True)


class ChannelViewSet(viewsets.ModelViewSet[Channel]):
    resource = "channels"
    # Everybody may keep channels of their own; those of a team are for who manages it, which is asked below.
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "POST": LOOK, "PUT": LOOK, "PATCH": LOOK, "DELETE": LOOK}
    serializer_class = ChannelSerializer
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Channel]:
        user = self.request.user
        dead = Delivery.objects.visible_to(user).filter(channel=OuterRef("pk"), state="dead", due_at__gt=now() - WEEK)
        counted = dead.order_by().values("channel").annotate(n=Count("pk", distinct=True)).values("n")
        found = Channel.objects.visible_to(user).select_related("team", "fallback")
        return found.annotate(dead=Subquery(counted)).order_by("pk")

    def check_object_permissions(self, request: Request, obj: Channel) -> None:
        super().check_object_permissions(request, obj)
        if obj.team is not None and request.method not in SAFE_METHODS:
            self._must_manage(obj)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        own = isinstance(request.data, dict) and request.data.get("own") is True
        if not own:
            self._must_manage(None)
        return super().create(request, *args, **kwargs)

    def _must_manage(self, channel: Channel | None) -> None:
        user = self.request.user
        if not isinstance(user, User):
            raise PermissionDenied
        team = channel.team if channel else None
        if not user.may(MANAGE, team):
            raise missing.role(user, MANAGE, team)

    def perform_destroy(self, instance: Channel) -> None:
        verbs.remove(instance, now(), by=me(self.request))

    @extend_schema(responses=KindSerializer(many=True))
    @action(detail=False, pagination_class=None)
    def kinds(self, request: Request) -> Response:
        """Every kind of channel, with the fields of its configuration."""
        return Response(describe())

    @extend_schema(request=None, responses={200: ChannelTestedSerializer, 502: dict})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, uuid: str) -> Response:
        """Send a test message now, and show what the provider answered."""
        channel = self.get_object()
        verbs.count_test(channel, now(), by=me(request))
        try:
            answers = delivery.send_test(channel)
        except delivery.TestFailed as error:
            verbs.keep_test(channel, now(), str(error))
            body = {"error": "not_delivered", "detail": f"The test was not delivered: {error}"}
            return Response({**body, "answers": [one.shown() for one in error.answers]}, status=502)
        except DeliveryError as error:
            verbs.keep_test(channel, now(), str(error))
            raise Failure(f"The test was not delivered: {error}", code="not_delivered", status=502) from error
        verbs.keep_test(channel, now(), "")
        return Response({"sent": len(answers), "answers": [one.shown() for one in answers]})
