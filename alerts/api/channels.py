"""Channels over the API: credentials go in and never come out."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ValidationError as Invalid
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.base import LOOK, MANAGE
from alerts import delivery, services
from alerts.api.base import OfTeam
from alerts.channels.base import DeliveryError, channels
from alerts.models import Channel
from core.errors import Conflict, Failure
from core.registry import Unknown


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
            answers = delivery.send_test(self.get_object())
        except DeliveryError as error:
            raise Failure(f"The test was not delivered: {error}", code="not_delivered", status=502) from error
        return Response({"sent": len(answers), "answers": [one.shown() for one in answers]})
