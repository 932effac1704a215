"""Checks over the API: make, change, pause, try and remove them, and read what they found."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.conf import settings
from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.auth import TeamField, Unseen, me
from accounts.base import LOOK, MANAGE
from accounts.models import Team, User
from checks import history, secrets, services, standing
from checks.kinds import Outcome
from checks.models import BOUNDS, KINDS, Check, Run, Signal
from core.clock import milliseconds
from core.errors import Conflict, Failure
from core.strict import Strict
from servers.models import Event, Server
from servers.services import tags_of

LONGEST_HOURS = 24 * 366
OWN = ("name", "target", "config", "interval", "timeout", "retries", "window", "paused")


class StandingSerializer(serializers.ModelSerializer[Run]):
    """How it stands now."""

    error_percent = serializers.SerializerMethodField()

    class Meta:
        model = Run
        fields = (
            "state", "since", "at", "said", "seconds", "parts", "failures", "error_percent", "certificate_ends",
            "started_at", "expected_at",
        )  # fmt: skip

    def get_error_percent(self, run: Run) -> float | None:
        return standing.error_percent(run.recent)

    def to_representation(self, instance: Run) -> dict[str, Any]:
        """What was found is kept in English, and told in the reader's language."""
        return {**super().to_representation(instance), "said": services.spoken(instance.said)}


class CheckSerializer(Strict, serializers.ModelSerializer[Check]):
    """A check; `server` empty: it stands alone, and `tags` are its own."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    team = TeamField(required=False)
    kind = serializers.ChoiceField(choices=[(kind, kind) for kind in KINDS])
    server = serializers.UUIDField(required=False, allow_null=True, help_text="The machine its series belong to.")
    tags = serializers.ListField(child=serializers.CharField(), max_length=50, required=False)
    config = serializers.DictField(required=False)
    run = StandingSerializer(read_only=True)
    ping_url = serializers.SerializerMethodField(help_text="Of a heartbeat, for those who may change it.")

    class Meta:
        model = Check
        fields = (
            "id", "team", "name", "label", "kind", "target", "config", "server", "by_agent", "tags", "interval",
            "timeout", "retries", "window", "paused", "run", "ping_url", "created_at",
        )  # fmt: skip
        read_only_fields = ("label", "created_at")
        # Left out, the column's own would speak: that an interval of -1 must be 0 or more.
        extra_kwargs: ClassVar[dict[str, dict[str, int]]] = {
            name: {"min_value": least, "max_value": most} for name, (least, most) in BOUNDS.items()
        }
        validators: ClassVar[list[Any]] = []

    def to_representation(self, instance: Check) -> dict[str, Any]:
        server, instance_tags = instance.server, instance.server.tags
        told: dict[str, Any] = super().to_representation(_Shown(instance))
        told["server"] = None if server.internal else str(server.uuid)
        told["tags"] = instance_tags
        if "body" in instance.config and instance.pk not in self._mine():
            told["config"] = {**instance.config, "body": secrets.KEPT}  # it may hold what signs in
        return told

    def get_ping_url(self, shown: Any) -> str | None:
        check = cast("_Shown", shown).check
        if check.kind != "heartbeat" or check.pk not in self._mine():
            return None
        return f"{settings.SITE_URL}/ping/{check.ping_key}"

    def _mine(self) -> set[int]:
        """Those that this person may change, asked once a list."""
        kept = cast("dict[str, Any]", self.context)
        if "mine" not in kept:
            request = kept.get("request")
            rows = Check.objects.visible_to(request.user, MANAGE) if request else Check.objects.none()
            kept["mine"] = set(rows.values_list("pk", flat=True))
        found: set[int] = kept["mine"]
        return found

    def validate_tags(self, value: list[str]) -> list[str]:
        try:
            return tags_of(value)
        except ValueError as fault:
            raise serializers.ValidationError(str(fault)) from fault

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        known = self.instance if isinstance(self.instance, Check) else None
        if known is None:
            self._place(attrs)
        else:
            self._same(known, attrs)
        candidate = Check(**self._fields(known, attrs))
        config = secrets.written(candidate.config)
        found = services.faults(candidate, config if known else None)
        found += services.moved(known, candidate.target, candidate.config) if known else []
        if found:
            told = {name.partition(".")[0]: [services.spoken(said)] for name, said in found}
            raise serializers.ValidationError(told)
        self._free(candidate, known)
        return attrs

    def _place(self, attrs: dict[str, Any]) -> None:
        """The machine it is tied to, which the person manages; else the team as a whole."""
        user = self.context["request"].user
        asked = attrs.pop("server", None)
        if asked is not None:
            row = Server.objects.visible_to(user, MANAGE).select_related("team").filter(uuid=asked).first()
            if row is None or ("team" in attrs and attrs["team"] != row.team):
                raise serializers.ValidationError({"server": _("You manage no such server.")})
            attrs["server"], attrs["team"] = row, row.team
            return
        if attrs.get("by_agent"):
            raise serializers.ValidationError({"by_agent": _("Say whose agent, as server.")})
        mine = Team.objects.visible_to(user, MANAGE).order_by("pk")
        team = mine.filter(pk=attrs["team"].pk).first() if "team" in attrs else mine.first()
        if team is None:
            raise serializers.ValidationError({"server": _("Name a server that you manage: no whole team is yours.")})
        attrs["team"] = team

    def _same(self, known: Check, attrs: dict[str, Any]) -> None:
        """What it looks at may change; what it is may not."""
        before = {
            "kind": known.kind, "by_agent": known.by_agent, "team": known.team,
            "server": None if known.alone else known.server.uuid,
        }  # fmt: skip
        for name, value in before.items():
            if attrs.pop(name, value) != value:
                raise serializers.ValidationError({name: _("This cannot be changed: make another check.")})
        if "tags" in attrs and not known.alone and attrs.pop("tags") != known.server.tags:
            raise serializers.ValidationError({"tags": _("It has those of its server.")})

    def _fields(self, known: Check | None, attrs: dict[str, Any]) -> dict[str, Any]:
        names = (*OWN, "kind", "by_agent", "team")
        before = {name: getattr(known, name) for name in names} if known else {}
        return {**before, **{name: value for name, value in attrs.items() if name in names}}

    def _free(self, candidate: Check, known: Check | None) -> None:
        if services.taken(known.team if known else candidate.team, candidate.name, known):
            raise serializers.ValidationError({"name": _("This name is taken in the team.")})


class _Shown:
    """A check as the serializer reads it: its server and tags are filled in behind."""

    def __init__(self, check: Check) -> None:
        self.check = check

    def __getattr__(self, name: str) -> Any:
        if name in {"server", "tags"}:
            return None if name == "server" else []
        return getattr(self.check, name)


class LookFoundSerializer(serializers.Serializer[Any]):
    """What one look found."""

    ok = serializers.BooleanField(allow_null=True)
    said = serializers.CharField()
    seconds = serializers.FloatField(allow_null=True)
    parts = serializers.DictField(child=serializers.FloatField())
    certificate_ends = serializers.DateTimeField(allow_null=True)


class SignalSerializer(serializers.ModelSerializer[Signal]):
    class Meta:
        model = Signal
        fields = ("at", "kind", "code", "seconds", "body")


class CheckEventSerializer(serializers.ModelSerializer[Event]):
    class Meta:
        model = Event
        fields = ("at", "kind", "text", "fields")

    def to_representation(self, instance: Event) -> dict[str, Any]:
        return {**super().to_representation(instance), "text": services.spoken(instance.text)}


class CheckViewSet(Unseen, viewsets.ModelViewSet[Check]):
    """Looks from outside, and heartbeats; each is of a server of one's own, or of a team as a whole."""

    resource = "checks"
    of_servers = True
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "POST": MANAGE, "PUT": MANAGE, "PATCH": MANAGE, "DELETE": MANAGE}
    serializer_class = CheckSerializer
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Check]:
        rows = Check.objects.visible_to(self.request.user).select_related("team", "server", "run")
        return rows.order_by("name", "pk")

    def perform_create(self, serializer: Any) -> None:
        asked = dict(serializer.validated_data)
        server, tags = asked.pop("server", None), asked.pop("tags", [])
        try:
            serializer.instance = services.make(Check(**asked), server=server, tags=tags, by=me(self.request))
        except IntegrityError as taken:
            raise Conflict(_("Somebody took this name just now. Choose another."), code="taken") from taken

    def perform_update(self, serializer: Any) -> None:
        asked, check = dict(serializer.validated_data), serializer.instance
        tags = asked.pop("tags", None)
        if tags is not None and check.alone:
            services.tag(check, tags, by=me(self.request))
            check.server.tags = tags
        services.change(check, asked, by=me(self.request))
        check.refresh_from_db()

    def perform_destroy(self, instance: Check) -> None:
        services.remove(instance, by=me(self.request))

    @extend_schema(request=None, responses=LookFoundSerializer)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, uuid: str) -> Response:
        """Look once, now; nothing is kept of it."""
        return Response(_found(_try(self.get_object(), me(request))))

    @extend_schema(request=CheckSerializer, responses=LookFoundSerializer)
    @action(detail=False, methods=["post"], url_path="try")
    def try_out(self, request: Request) -> Response:
        """Look once as a check would that is not there yet; nothing is kept."""
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        fields = {name: value for name, value in asked.validated_data.items() if name not in {"server", "tags"}}
        return Response(_found(_try(Check(**fields), me(request))))

    @extend_schema(request=None, responses=CheckSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, uuid: str) -> Response:
        return self._paused(paused=True)

    @extend_schema(request=None, responses=CheckSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, uuid: str) -> Response:
        return self._paused(paused=False)

    @extend_schema(parameters=[OpenApiParameter("hours", float, description="Of the last ones; 24.")], responses=dict)
    @action(detail=True)
    def history(self, request: Request, uuid: str) -> Response:
        """Share of time up, down and unknown, percentiles, and how long each part took."""
        check = self.get_object()
        end = milliseconds()
        found = history.history(check, end - round(_hours(request) * 3_600_000), end)
        return Response(history.document(check, getattr(check, "run", None), found))

    @extend_schema(responses=SignalSerializer(many=True))
    @action(detail=True)
    def signals(self, request: Request, uuid: str) -> Response:
        """What a heartbeat told, newest first."""
        rows = Signal.objects.visible_to(request.user).filter(check_ref=self.get_object()).order_by("-at", "-pk")
        return self._paged(rows, SignalSerializer)

    @extend_schema(responses=CheckEventSerializer(many=True))
    @action(detail=True)
    def events(self, request: Request, uuid: str) -> Response:
        """When it went down and came back, newest first."""
        rows = services.events(self.get_object()).visible_to(request.user).order_by("-at", "-pk")
        return self._paged(rows, CheckEventSerializer)

    def _paged(self, rows: QuerySet[Any], shape: type[serializers.BaseSerializer[Any]]) -> Response:
        return self.get_paginated_response(shape(self.paginate_queryset(rows), many=True).data)

    def _paused(self, *, paused: bool) -> Response:
        check = self.get_object()
        services.change(check, {"paused": paused}, by=me(self.request))
        check.refresh_from_db()
        return Response(self.get_serializer(check).data)


def _try(check: Check, by: User) -> Outcome:
    if check.kind == "heartbeat":
        raise Failure(_("A heartbeat is told, not looked at: send it a signal."), code="not_looked_at")
    if check.by_agent:
        raise Failure(_("Its agent looks, not the hub: it tells with its next report."), code="by_agent")
    return services.attempt(check, by=by)


def _found(outcome: Outcome) -> dict[str, Any]:
    return {
        "ok": outcome.ok, "said": services.spoken(outcome.said), "seconds": outcome.seconds, "parts": outcome.parts,
        "certificate_ends": outcome.certificate_ends,
    }  # fmt: skip


def _hours(request: Request) -> float:
    try:
        hours = float(request.query_params.get("hours", "24"))
    except ValueError:
        hours = 0.0
    if not 0 < hours <= LONGEST_HOURS:
        raise Failure(_("`hours` is a number up to a year of them."), code="bad_range")
    return hours
