"""The door of a push button: the signed token of a message acknowledges as the person it was sent to."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alerts import services
from alerts.services import answering_links
from core.clock import now
from core.errors import Failure
from core.strict import Strict

DEAD = "This link is too old, or no longer yours. Sign in and open the incident to acknowledge it."


class TokenSerializer(Strict):
    token = serializers.CharField(
        max_length=answering_links.LONGEST, help_text="The last part of the message's link."
    )


class AcknowledgedSerializer(serializers.Serializer[Any]):
    state = serializers.CharField()
    owner = serializers.CharField()
    title = serializers.CharField()


class AcknowledgeView(APIView):
    """Needs no session: the token says who, and of what. A page of a stranger has no token to send."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    public = True

    @extend_schema(request=TokenSerializer, responses={200: AcknowledgedSerializer, 410: dict})
    def post(self, request: Request) -> Response:
        asked = TokenSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        found = answering_links.read(asked.validated_data["token"])
        if found is None:
            raise Failure(DEAD, code="link_dead", status=410)
        incident, user = found
        title = incident.title  # as this person may see it
        services.acknowledge(incident, now(), by=user, over="push")
        incident.refresh_from_db()
        owner = str(incident.acknowledged_by or "")
        return Response({"state": incident.state, "owner": owner, "title": title})
