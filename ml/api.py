"""What is unusual, what was learnt, and what one wishes to hear of it, over the API."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.auth import Unseen, no_team, team_called
from accounts.base import ACT, LOOK, MANAGE
from accounts.models import Team, User
from core.errors import Failure
from core.strict import Strict
from ml import now as standing
from ml import thresholds
from ml.models import Episode, ModelVersion, Sensitivity, Training
from ml.services import answers, sensitivity
from servers.models import Server


class Hidden(Unseen, viewsets.GenericViewSet[Any]):
    """What one may not see is not there."""

    lookup_field = "uuid"
    lookup_value_converter = "uuid"
    of_servers = True

    def listed(self, rows: QuerySet[Any], shape: type[serializers.BaseSerializer[Any]]) -> Response:
        return self.get_paginated_response(shape(self.paginate_queryset(rows), many=True).data)


class ReasonSerializer(serializers.Serializer[Any]):
    """A metric that adds to it: its share, and where it usually is at this hour."""

    column = serializers.CharField()
    share = serializers.FloatField()
    z = serializers.FloatField(allow_null=True)
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class EpisodeSerializer(serializers.ModelSerializer[Episode]):
    id = serializers.UUIDField(source="uuid", read_only=True)
    server = serializers.UUIDField(source="server.uuid", read_only=True)
    name = serializers.CharField(source="server.name", read_only=True)
    top = ReasonSerializer(many=True, read_only=True)
    answered_by = serializers.StringRelatedField()  # type: ignore[var-annotated]

    class Meta:
        model = Episode
        fields = (
            "id", "server", "name", "began_at", "last_at", "ended_at", "peak", "peak_at", "top", "version",
            "asked_at", "answer", "answered_by", "answered_at",
        )  # fmt: skip


class ServerNowSerializer(serializers.Serializer[Any]):
    """One server now: waiting (nothing is learnt yet), learning (shown, cannot alert) or full."""

    server = serializers.UUIDField()
    name = serializers.CharField()
    stage = serializers.CharField()
    score = serializers.FloatField(allow_null=True, help_text="1 is the limit.")
    rate_percent = serializers.FloatField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True)
    threshold = serializers.FloatField()
    silent = serializers.BooleanField()
    episode = serializers.UUIDField(allow_null=True)
    version = serializers.IntegerField(allow_null=True)
    said = serializers.CharField(help_text="Why nothing could be learnt yet.")
    top = ReasonSerializer(many=True, help_text="From a score of 0.5 on: at most five metrics, the loudest first.")


class WantedSerializer(Strict):
    """How many alerts are wanted per server and week: of a team, or of one of its servers."""

    per_week = serializers.FloatField(min_value=0, max_value=sensitivity.MOST, allow_null=True)
    server = serializers.UUIDField(required=False, allow_null=True, default=None)
    team = serializers.CharField(required=False, allow_null=True, default=None)


class SensitivitySerializer(serializers.Serializer[Any]):
    team = serializers.CharField()
    server = serializers.UUIDField(allow_null=True)
    per_week = serializers.FloatField()


_OPEN = OpenApiParameter("open", bool, description="Only those that go on.")
_SERVER = OpenApiParameter("server", str, description="Only of this server.")


class AnomalyViewSet(Hidden, mixins.ListModelMixin, mixins.RetrieveModelMixin):
    """Times in which a server was unusual, the newest first."""

    resource = "anomalies"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "normal": ACT, "not_normal": ACT}
    serializer_class = EpisodeSerializer

    def get_queryset(self) -> QuerySet[Episode]:
        rows = Episode.objects.visible_to(self.request.user)
        if self.action == "list":
            if self.request.query_params.get("open") in {"1", "true"}:
                rows = rows.open()
            rows = _of_server(rows, self.request)
        return rows.select_related("server", "answered_by").order_by("-began_at", "-pk")

    @extend_schema(parameters=[_OPEN, _SERVER])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @extend_schema(responses=ServerNowSerializer(many=True))
    @action(detail=False, methods=["get"], pagination_class=None)
    def now(self, request: Request) -> Response:
        """How every server stands, the most unusual first."""
        return Response(standing.of(_me(request)))

    @extend_schema(request=None, responses=EpisodeSerializer)
    @action(detail=True, methods=["post"])
    def normal(self, request: Request, uuid: str) -> Response:
        """It was normal. Of one that goes on: learn it anew, from where it began."""
        return self._answered("normal")

    @extend_schema(request=None, responses=EpisodeSerializer)
    @action(detail=True, methods=["post"])
    def not_normal(self, request: Request, uuid: str) -> Response:
        """It was not normal: nothing is learnt from it."""
        return self._answered("not_normal")

    def _answered(self, said: str) -> Response:
        answers.answer(self.get_object(), said, by=_me(self.request))
        return Response(EpisodeSerializer(self.get_object()).data)


class SensitivityView(APIView):
    """What is wished: of each team, and of the servers that have a wish of their own."""

    resource = "anomalies"
    of_servers = True
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "PUT": MANAGE}

    @extend_schema(responses=SensitivitySerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(SensitivitySerializer(list(_wishes(_me(request))), many=True).data)

    @extend_schema(request=WantedSerializer, responses=SensitivitySerializer)
    def put(self, request: Request) -> Response:
        """Of a server, of a team, or of the first team that one manages; an empty wish of a server: as its team."""
        said = WantedSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        return Response(SensitivitySerializer(_wish(_me(request), said.validated_data)).data)


class VersionSerializer(serializers.ModelSerializer[ModelVersion]):
    id = serializers.UUIDField(source="uuid", read_only=True)
    server = serializers.UUIDField(source="server.uuid", read_only=True)
    name = serializers.CharField(source="server.name", read_only=True)

    class Meta:
        model = ModelVersion
        fields = (
            "id", "server", "name", "number", "state", "why", "said", "columns", "span_from", "span_to", "rows",
            "short", "sha256", "figures", "made_at",
        )  # fmt: skip


class ModelViewSet(Hidden, mixins.ListModelMixin, mixins.RetrieveModelMixin):
    """What was learnt of servers: at most three versions of each, the newest first."""

    resource = "models"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "roll_back": MANAGE}
    serializer_class = VersionSerializer

    def get_queryset(self) -> QuerySet[ModelVersion]:
        rows = ModelVersion.objects.visible_to(self.request.user).light().select_related("server")
        if self.action == "list":
            rows = _of_server(rows, self.request)
        return rows.order_by("server__name", "-number")

    @extend_schema(parameters=[_SERVER])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @extend_schema(request=None, responses=VersionSerializer)
    @action(detail=True, methods=["post"])
    def roll_back(self, request: Request, uuid: str) -> Response:
        """Let this version judge again."""
        return Response(VersionSerializer(answers.roll_back(self.get_object(), by=_me(request))).data)


class TrainingSerializer(serializers.ModelSerializer[Training]):
    id = serializers.UUIDField(source="uuid", read_only=True)
    server = serializers.UUIDField(source="server.uuid", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Training
        fields = ("id", "server", "why", "due_at", "state", "progress", "said", "began_at", "ended_at")


class LearnSerializer(Strict):
    server = serializers.UUIDField()


class TrainingViewSet(Hidden, mixins.ListModelMixin):
    """What is to be learnt, is being learnt, and was; an empty server stands for the whole fleet."""

    resource = "models"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "POST": MANAGE}
    serializer_class = TrainingSerializer

    def get_queryset(self) -> QuerySet[Training]:
        rows: QuerySet[Training] = _of_server(Training.objects.visible_to(self.request.user), self.request)
        return rows.select_related("server").order_by("-pk")

    @extend_schema(parameters=[_SERVER])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @extend_schema(request=LearnSerializer, responses={201: TrainingSerializer})
    def create(self, request: Request) -> Response:
        """Learn a server anew now."""
        said = LearnSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        row = _managed(_me(request), said.validated_data["server"])
        return Response(TrainingSerializer(answers.train(row.pk, by=_me(request))).data, status=201)


def _me(request: Request) -> User:
    return cast("User", request.user)


def _of_server(rows: Any, request: Request) -> Any:
    asked = request.query_params.get("server")
    if not asked:
        return rows
    field = serializers.UUIDField()
    try:
        return rows.filter(server__uuid=field.to_internal_value(asked))
    except serializers.ValidationError as fault:
        raise Failure("`server` is the id of a server.", code="bad_server") from fault


def _managed(user: User, uuid: Any) -> Server:
    row = Server.objects.visible_to(user, MANAGE).select_related("team").filter(uuid=uuid).first()
    if row is None:
        raise serializers.ValidationError({"server": "You manage no such server."})
    return row


def _wishes(user: User) -> Any:
    seen = set(Server.objects.visible_to(user).values_list("pk", flat=True))
    for team in Team.objects.visible_to(user).order_by("name"):
        yield {"team": team.name, "server": None, "per_week": thresholds.of_team(team.pk)}
    own = Sensitivity.objects.visible_to(user).exclude(server=None).select_related("team", "server").order_by("pk")
    for row in own:
        if row.server is not None and row.server_id in seen:
            yield {"team": row.team.name, "server": row.server.uuid, "per_week": row.per_week}


def _wish(user: User, said: dict[str, Any]) -> dict[str, Any]:
    if said["server"] is not None:
        server = _managed(user, said["server"])
        sensitivity.set_of_server(server, said["per_week"], by=user)
        return {"team": server.team.name, "server": server.uuid, "per_week": thresholds.per_week(server)}
    if said["team"] is None:
        team = Team.objects.visible_to(user, MANAGE).order_by("pk").first()
    else:
        team = team_called(user, said["team"], MANAGE)
    if team is None:
        raise no_team(said["team"] or "")
    if said["per_week"] is None:
        raise serializers.ValidationError({"per_week": "A team needs a number; only a server may go without."})
    sensitivity.set_of_team(team, said["per_week"], by=user)
    return {"team": team.name, "server": None, "per_week": said["per_week"]}
