"""The door by which a machine enrols."""

from __future__ import annotations

import msgspec
from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import guard
from core.errors import Failure
from servers.auth import enrol


class Enrolment(msgspec.Struct):
    token: str
    hostname: str
    fingerprint: str
    facts: dict[str, dict[str, str | int | float | bool | None]] = {}


class EnrolmentSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """For the schema alone: the body is decoded by msgspec."""

    token = serializers.CharField()
    hostname = serializers.CharField(max_length=120)
    fingerprint = serializers.CharField(max_length=128)
    facts = serializers.DictField(required=False)


class EnrolView(APIView):
    """Turn an invitation into a server and its key. The same machine again gets the same server, a new key."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    public = True

    @extend_schema(request=EnrolmentSerializer, responses={201: dict, 401: dict, 409: dict})
    def post(self, request: Request) -> Response:
        try:
            asked = msgspec.json.decode(request._request.body, type=Enrolment)
        except (msgspec.MsgspecError, RecursionError) as fault:
            raise Failure(f"The enrolment cannot be read: {fault}", code="undecodable") from fault
        name, fingerprint = clean(asked.hostname, 120), clean(asked.fingerprint, 128)
        if not name or not fingerprint:
            raise Failure("`hostname` and `fingerprint` must not be empty.", code="undecodable")
        made = enrol(clean(asked.token, 200), name, fingerprint, asked.facts)  # type: ignore[arg-type]
        guard.trust(request.META)
        answer = {"server": str(made.server.uuid), "key": made.key, "interval": made.interval}
        return Response({**answer, "url": f"{settings.SITE_URL}/servers/{made.server.uuid}/"}, status=201)


def clean(text: str, most: int) -> str:
    """A name as one printable line: control characters would end up in headers and logs."""
    return "".join(c for c in text if c.isprintable()).encode("utf-8", "ignore").decode().strip()[:most]
