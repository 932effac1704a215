"""The door by which a machine enrols, and what people do to servers, their keys and invitations."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from accounts.auth import TeamField, me
from accounts.base import LOOK, MANAGE
from accounts.models import Team
from accounts.services import wrong_secret
from core import guard, selector
from core.errors import Conflict, Failure, Unauthorized
from core.strict import Selecting, Strict
from servers import changing
from servers.auth import Mismatch, enrol
from servers.models import AgentKey, Change, Enrolment, Event, Server, printable
from servers.services import make_enrolment, refusals

MOST_ASKED = 1 << 20


class Asked(msgspec.Struct):
    token: str
    hostname: str
    fingerprint: str
    facts: dict[str, dict[str, str | int | float | bool | None]] = {}


class EnrolmentSerializer(serializers.Serializer[Any]):
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
        body = request._request.body
        if len(body) > MOST_ASKED:  # before it is decoded: anybody may send it
            detail = f"An enrolment of more than {MOST_ASKED >> 20} MiB. Send its facts with the first post."
            raise Failure(detail, code="too_large", status=413)
        try:
            asked = msgspec.json.decode(body, type=Asked)
        except (msgspec.MsgspecError, RecursionError) as fault:
            raise Failure(f"The enrolment cannot be read: {fault}", code="undecodable") from fault
        name, fingerprint = clean(asked.hostname, 120), clean(asked.fingerprint, 128)
        if not name or not fingerprint:
            raise Failure("`hostname` and `fingerprint` must not be empty.", code="undecodable")
        try:
            made = enrol(clean(asked.token, 200), name, fingerprint, asked.facts)  # type: ignore[arg-type]
        except (Unauthorized, Mismatch) as refused:
            address, taken = str(request.META.get("REMOTE_ADDR", "")), isinstance(refused, Mismatch)
            refusals.note(asked.token, address, name, taken=taken)
            if not taken:
                wrong_secret("enrolment", address)
            raise
        guard.trust(request.META)
        answer = {"server": str(made.server.uuid), "key": made.key, "interval": made.interval}
        return Response({**answer, "url": f"{settings.SITE_URL}/servers/{made.server.uuid}/"}, status=201)


def clean(text: str, most: int) -> str:
    """A name as one printable line: control characters would end up in headers and logs."""
    return "".join(c for c in text if c.isprintable()).encode("utf-8", "ignore").decode().strip()[:most]


class ChangeSerializer(serializers.ModelSerializer[Change]):
    """One fact that changed."""

    class Meta:
        model = Change
        fields = ("at", "section", "key", "before", "after")


class EventSerializer(serializers.ModelSerializer[Event]):
    """Something that happened on a server, or to it."""

    class Meta:
        model = Event
        fields = ("at", "kind", "text", "fields")


class KeySerializer(serializers.ModelSerializer[AgentKey]):
    """The public part of an agent's key; the secret is nowhere."""

    id = serializers.CharField(source="key")
    state = serializers.SerializerMethodField()

    class Meta:
        model = AgentKey
        fields = ("id", "state", "created_at", "used_at", "replaced_at", "revoked_at")

    def get_state(self, key: AgentKey) -> str:
        if key.revoked_at:
            return "revoked"
        return "replaced" if key.replaced_at else "live"


class TeamEnrolmentSerializer(Strict, serializers.ModelSerializer[Enrolment]):
    """An invitation; its token is in the answer that made it, and nowhere else."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    team = TeamField(MANAGE, required=False)
    hours = serializers.FloatField(min_value=0.1, max_value=720, default=1.0, write_only=True)
    token = serializers.CharField(read_only=True, required=False)

    class Meta:
        model = Enrolment
        extra_kwargs: ClassVar[dict[str, Any]] = {"name": {"validators": [printable]}}
        fields = (
            "id", "team", "name", "reusable", "hours", "token", "created_at", "expires_at", "used_at", "revoked_at",
        )  # fmt: skip
        read_only_fields = ("expires_at", "used_at", "revoked_at")

    def create(self, asked: dict[str, Any]) -> Enrolment:
        user = self.context["request"].user
        team = asked.get("team") or Team.objects.visible_to(user, MANAGE).order_by("pk").first()
        if team is None:
            raise serializers.ValidationError("You manage no team that this could belong to.")
        clear = make_enrolment(
            team, asked["name"], reusable=asked.get("reusable", False), hours=asked["hours"], by=user
        )
        made = Enrolment.objects.visible_to(user, MANAGE).get(key=clear[4:20])
        made.token = clear  # type: ignore[attr-defined]
        return made


class EnrolmentViewSet(
    mixins.CreateModelMixin, mixins.DestroyModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet[Enrolment]
):
    """Invitations of the teams one manages; removing one revokes it, the row stays to be seen."""

    resource = "servers"
    verbs: ClassVar[dict[str, str]] = {"GET": MANAGE, "POST": MANAGE, "DELETE": MANAGE}
    serializer_class = TeamEnrolmentSerializer
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Enrolment]:
        return Enrolment.objects.visible_to(self.request.user, MANAGE).select_related("team").order_by("-pk")

    def perform_destroy(self, instance: Enrolment) -> None:
        changing.withdraw(instance, by=me(self.request))


class BulkSerializer(Selecting):
    """Which servers, by `ids` or by a selector, and what shall become of them."""

    ids = serializers.ListField(child=serializers.UUIDField(), max_length=10_000, required=False)
    selector = serializers.CharField(max_length=selector.LONGEST, required=False)
    dry_run = serializers.BooleanField(default=False, help_text="Only count.")
    add_tags = serializers.ListField(child=serializers.CharField(), max_length=50, default=list)
    remove_tags = serializers.ListField(child=serializers.CharField(), max_length=50, default=list)
    role = serializers.CharField(max_length=60, validators=[printable], allow_blank=True, required=False)
    site = serializers.CharField(max_length=60, validators=[printable], allow_blank=True, required=False)
    environment = serializers.CharField(max_length=40, validators=[printable], required=False)
    paused = serializers.BooleanField(required=False, help_text="true pauses, false resumes.")
    rotate_keys = serializers.BooleanField(default=False)
    delete = serializers.BooleanField(default=False, help_text="Alone: nothing else can be asked with it.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("ids" in attrs) == ("selector" in attrs):
            raise serializers.ValidationError("Say which servers: `ids`, or `selector`, not both.")
        if attrs["delete"] and wish_of(attrs) != changing.Bulk(remove=True):
            raise serializers.ValidationError("`delete` goes alone: nothing else can be asked with it.")
        if wish_of(attrs) == changing.Bulk():
            raise serializers.ValidationError("Say what shall become of them, such as add_tags or paused.")
        return attrs


def wish_of(asked: dict[str, Any]) -> changing.Bulk:
    return changing.Bulk(
        tuple(asked["add_tags"]),
        tuple(asked["remove_tags"]),
        {name: asked[name] for name in ("role", "site", "environment", "paused") if name in asked},
        asked["rotate_keys"],
        asked["delete"],
    )


class BulkAnswerSerializer(serializers.Serializer[Any]):
    matched = serializers.IntegerField()
    changed = serializers.IntegerField(help_text="With dry_run: how many would change.")
    dry_run = serializers.BooleanField()


class ServerVerbs(viewsets.GenericViewSet[Server]):
    """What is asked of, and done to, a server beside what its own address does."""

    resource = "servers"
    of_servers = True
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "POST": MANAGE, "DELETE": MANAGE, "keys": MANAGE}
    serializer_class = KeySerializer  # type: ignore[assignment]  # of what `keys` answers; what is looked up are servers
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Server]:
        return Server.objects.visible_to(self.request.user).select_related("team").order_by("pk")

    @extend_schema(responses=ChangeSerializer(many=True))
    @action(detail=True)
    def changes(self, request: Request, uuid: str) -> Response:
        """The change ledger: facts that changed, newest first."""
        rows = Change.objects.visible_to(request.user).filter(server=self.get_object()).order_by("-at", "-pk")
        return self._paged(rows, ChangeSerializer)

    @extend_schema(responses=EventSerializer(many=True))
    @action(detail=True)
    def events(self, request: Request, uuid: str) -> Response:
        """What happened on it, newest first."""
        rows = Event.objects.visible_to(request.user).filter(server=self.get_object()).order_by("-at", "-pk")
        return self._paged(rows, EventSerializer)

    @extend_schema(responses=KeySerializer(many=True))
    @action(detail=True)
    def keys(self, request: Request, uuid: str) -> Response:
        """The keys of its agent, newest first."""
        rows = AgentKey.objects.visible_to(request.user, MANAGE).filter(server=self.get_object())
        return self._paged(rows.order_by("-created_at", "-pk"), KeySerializer)

    @extend_schema(request=None, responses={200: KeySerializer})
    @action(detail=True, methods=["post"], url_path="keys/<slug:key>/revoke")
    def revoke_key(self, request: Request, uuid: str, key: str) -> Response:
        """End a key; every door refuses it within five seconds."""
        mine = AgentKey.objects.visible_to(request.user, MANAGE).filter(server=self.get_object(), key=key)
        found = mine.select_related("server").first()
        if found is None:
            raise Http404
        changing.revoke(found, by=me(request))
        found.refresh_from_db()
        return Response(KeySerializer(found).data)

    @extend_schema(request=None, responses={202: dict})
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, uuid: str) -> Response:
        """Have its agent take a new key; the old one lives until the new one was used."""
        server = self.get_object()
        changing.rotate(server, by=me(request))
        return Response({"id": str(server.uuid), "ordered": "rotate_key"}, status=202)

    @extend_schema(request=None, responses={200: dict})
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, uuid: str) -> Response:
        """The machine that was refused for its fingerprint is this server from now on; run its line again."""
        server = self.get_object()
        if not changing.accept(server, by=me(request)):
            raise Conflict("No other machine has asked to enrol under this name.", code="nothing_offered")
        return Response({"id": str(server.uuid)})

    @extend_schema(request=None, responses={200: dict})
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, uuid: str) -> Response:
        """It goes on reporting, and nobody is told of it."""
        return self._paused(request, paused=True)

    @extend_schema(request=None, responses={200: dict})
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, uuid: str) -> Response:
        return self._paused(request, paused=False)

    @extend_schema(request=BulkSerializer, responses=BulkAnswerSerializer)
    @action(detail=False, methods=["post"])
    def bulk(self, request: Request) -> Response:
        """Change, pause, rotate or remove many servers; a selector means production unless it names `env:`."""
        asked = BulkSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        servers = self._chosen(asked.validated_data)
        dry_run = asked.validated_data["dry_run"]
        try:
            changed = changing.bulk(servers, wish_of(asked.validated_data), by=me(request), dry_run=dry_run)
        except ValueError as fault:
            raise serializers.ValidationError({"add_tags": str(fault)}) from fault
        return Response({"matched": len(servers), "changed": changed, "dry_run": dry_run})

    def _chosen(self, asked: dict[str, Any]) -> list[Server]:
        mine = list(Server.objects.visible_to(self.request.user, MANAGE).order_by("pk"))
        if "selector" in asked:
            return changing.chosen(mine, asked["selector"])
        by_id = {server.uuid: server for server in mine}
        wanted = dict.fromkeys(asked["ids"])
        if not wanted.keys() <= by_id.keys():
            raise Http404
        return [by_id[one] for one in wanted]

    def _paused(self, request: Request, *, paused: bool) -> Response:
        server = self.get_object()
        changing.change(server, {"paused": paused}, by=me(request))
        return Response({"id": str(server.uuid), "paused": paused})

    def _paged(self, rows: QuerySet[Any], shape: type[BaseSerializer[Any]]) -> Response:
        return self.get_paginated_response(shape(self.paginate_queryset(rows), many=True).data)
