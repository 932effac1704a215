"""Web push for the browser of whoever is signed in."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.auth import me
from accounts.base import LOOK
from alerts.channels import vapid
from alerts.channels.push import Subscription
from alerts.delivery import subscriptions
from core.strict import Strict


class PushKeySerializer(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="The applicationServerKey, base64url.")


class PushKeys(Strict):
    p256dh = serializers.CharField(max_length=200)
    auth = serializers.CharField(max_length=60)


class SubscriptionSerializer(Strict):
    """What a browser's PushSubscription.toJSON() gives."""

    endpoint = serializers.URLField(max_length=1000)
    keys = PushKeys()
    expirationTime = serializers.FloatField(required=False, allow_null=True)  # noqa: N815 - the browser's name
    name = serializers.CharField(max_length=60, required=False, allow_blank=True, default="")


class EndpointSerializer(Strict):
    endpoint = serializers.URLField(max_length=1000)


class SubscribedSerializer(serializers.Serializer[Any]):
    channel = serializers.UUIDField()
    id = serializers.CharField()


class PushKeyView(APIView):
    resource = "people"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK}

    @extend_schema(responses=PushKeySerializer)
    def get(self, request: Request) -> Response:
        """The public key with which a browser subscribes."""
        return Response({"key": vapid.public_key()})


class PushSubscriptionsView(APIView):
    resource = "people"
    verbs: ClassVar[dict[str, str]] = {"POST": LOOK, "DELETE": LOOK}

    @extend_schema(request=SubscriptionSerializer, responses={201: SubscribedSerializer})
    def post(self, request: Request) -> Response:
        """Tell this browser as well; the same one again changes nothing."""
        asked = SubscriptionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        one = Subscription(given["endpoint"], given["keys"]["p256dh"], given["keys"]["auth"], given["name"])
        try:
            channel = subscriptions.add(me(request), one)
        except ValueError as fault:
            raise serializers.ValidationError({"endpoint": str(fault)}) from fault
        return Response({"channel": channel.uuid, "id": one.id}, status=201)

    @extend_schema(request=EndpointSerializer, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Do not tell this browser any more."""
        asked = EndpointSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        subscriptions.end(me(request), asked.validated_data["endpoint"])
        return Response(status=204)
