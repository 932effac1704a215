"""What pages ask for while they are open: live messages by polling, and servers as the pages show them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import IntegrityError
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.auth import me
from accounts.base import LOOK, MANAGE
from core.strict import Strict
from dashboards import present, topics
from dashboards import schema as _schema  # noqa: F401 - tells the API's description how people sign in
from servers.models import LONGEST_INTERVAL, FactSheet, Server, printable
from servers.services import change, remove, tags_of

TAKEN = "This name is taken in the team."


class LiveView(APIView):
    """The same messages as the socket, for browsers that cannot hold one."""

    resource = "live"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK}

    @extend_schema(parameters=[OpenApiParameter("topics", str), OpenApiParameter("since", str)], responses=dict)
    def get(self, request: Request) -> Response:
        since = _numbers(request.query_params.get("since", ""))
        names = [name for name in request.query_params.get("topics", "").split(",") if name] or list(since)
        messages: list[dict[str, Any]] = []
        seq: dict[str, int] = {}
        reset: list[str] = []
        sight: dict[str, str] = {}
        unknown: list[str] = []
        for name in names[:50]:
            topic = topics.find(name, request.user)
            if topic is None:
                unknown.append(name)
                continue
            topic.watch()
            sight[name] = topic.sight()
            seq[name], kept = topic.recent()
            new = [message for message in kept if message["seq"] > since.get(name, seq[name])]
            if name in since and not _whole(since[name], seq[name], new):
                reset.append(name)
            else:
                messages += new
        return Response({"messages": messages, "seq": seq, "reset": reset, "sight": sight, "unknown": unknown})


def _whole(since: int, last: int, new: list[dict[str, Any]]) -> bool:
    """Whether nothing is missing between what the browser had and now."""
    return since <= last and len(new) == last - since


def _numbers(text: str) -> dict[str, int]:
    pairs = (part.rpartition(":") for part in text.split(",") if part)
    return {name: int(number) for name, _, number in pairs if number.isdecimal() and len(number) < 19}


class AgentSerializer(serializers.Serializer[Any]):
    version = serializers.CharField(allow_blank=True)
    outdated = serializers.BooleanField(help_text="Older than the one this hub hands out.")


class ServerSerializer(serializers.Serializer[Any]):
    """For the schema: what `present.server` makes."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    os = serializers.CharField()
    team = serializers.CharField()
    reach = serializers.ChoiceField(["new", "up", "late", "down", "paused"])
    health = serializers.ChoiceField(["ok", "warn", "critical"])
    waiting = serializers.BooleanField(help_text="We were away: its reach is the one before, until it reports.")
    seen = serializers.FloatField(allow_null=True)
    role = serializers.CharField(allow_blank=True)
    site = serializers.CharField(allow_blank=True)
    environment = serializers.CharField()
    paused = serializers.BooleanField()
    agent = AgentSerializer()
    offered = serializers.BooleanField(help_text="Another machine asked to enrol under its name: accept it, or not.")
    interval = serializers.IntegerField()
    cpu = serializers.FloatField(allow_null=True, help_text="Percent; null where it was not measured.")
    memory = serializers.FloatField(allow_null=True, help_text="Percent.")
    disk = serializers.FloatField(allow_null=True, help_text="Percent of the fullest mount.")
    net = serializers.FloatField(allow_null=True, help_text="Bytes a second, both ways.")
    load = serializers.FloatField(allow_null=True)
    demo = serializers.BooleanField(help_text="Simulated: part of a demo fleet.")
    url = serializers.CharField()


class ServerChangeSerializer(Strict):
    """What people may say of a server."""

    name = serializers.CharField(max_length=120, validators=[printable], required=False)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    role = serializers.CharField(max_length=60, validators=[printable], allow_blank=True, required=False)
    site = serializers.CharField(max_length=60, validators=[printable], allow_blank=True, required=False)
    environment = serializers.CharField(max_length=40, validators=[printable], required=False)
    paused = serializers.BooleanField(required=False)
    interval = serializers.IntegerField(min_value=1, max_value=LONGEST_INTERVAL, required=False, help_text="Seconds.")

    def validate_tags(self, value: list[str]) -> list[str]:
        try:
            return tags_of(value)
        except ValueError as fault:
            raise serializers.ValidationError(str(fault)) from fault

    def validate_name(self, value: str) -> str:
        server: Server = self.context["server"]
        mine = Server.objects.visible_to(self.context["request"].user).filter(team=server.team_id, name=value)
        if mine.exclude(pk=server.pk).exists():
            raise serializers.ValidationError(TAKEN)
        return value


class ServerWithFactsSerializer(ServerSerializer):
    facts = serializers.DictField(child=serializers.DictField())


class ServerViewSet(viewsets.ReadOnlyModelViewSet[Server]):
    """Servers with their state; one alone with its facts."""

    resource = "servers"
    of_servers = True
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "PATCH": MANAGE, "DELETE": MANAGE}
    serializer_class = ServerSerializer
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Server]:
        return Server.objects.visible_to(self.request.user).select_related("team").order_by("name", "pk")

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset()) or []
        return self.get_paginated_response(present.servers(page))

    @extend_schema(responses=ServerWithFactsSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        sheet = FactSheet.objects.filter(server=row).first()
        return Response({**present.servers([row])[0], "facts": sheet.document if sheet else {}})

    @extend_schema(request=ServerChangeSerializer(partial=True), responses=ServerSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Say what it is for: name, tags, role, site, environment; how often it reports; pause it."""
        row = self.get_object()
        asked = ServerChangeSerializer(data=request.data, partial=True, context={"server": row, "request": request})
        asked.is_valid(raise_exception=True)
        try:
            change(row, asked.validated_data, by=me(request))
        except IntegrityError as fault:  # by a server that this person may not see, or one of this moment
            raise serializers.ValidationError({"name": TAKEN}) from fault
        return Response(present.servers([row])[0])

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Forget it: its alerts end and are told, its keys die at once, its data go by the store's next clean-up."""
        remove([self.get_object()], by=me(request))
        return Response(status=204)
