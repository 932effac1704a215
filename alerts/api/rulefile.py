"""`rules.yaml` over the API: out, compared, in."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.auth import me, no_team, team_called
from accounts.base import LOOK, MANAGE
from accounts.models import Team
from alerts import rulefile
from core.clock import now

YAML = "application/yaml"
_TEAM = OpenApiParameter("team", str, description="By id or name; without it the first that is yours.")
_SWITCH = {"type": "boolean", "default": False}


class Text(BaseParser):
    """The body as it is: it is read by the same reader as a file."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            return stream.read(rulefile.LARGEST + 1).decode()
        except UnicodeDecodeError as fault:
            raise serializers.ValidationError({"file": "The file is not UTF-8 text."}) from fault


class PlanSerializer(serializers.Serializer[Any]):
    """What was done, or with `dry_run` would be."""

    dry_run = serializers.BooleanField()
    lines = serializers.ListField(child=serializers.CharField(), help_text="+ made, ~ changed, - removed.")
    same = serializers.IntegerField(help_text="Rules that are as the file says.")
    warnings = serializers.ListField(child=serializers.CharField())


class AskedSerializer(serializers.Serializer[Any]):
    team = serializers.CharField(required=False)
    dry_run = serializers.BooleanField(default=False)
    prune = serializers.BooleanField(default=False)


class RuleFileView(APIView):
    """The rules of a team as a file: names instead of ids, one order, nothing that goes without saying."""

    resource = "rules"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "POST": MANAGE}
    parser_classes = (Text,)

    @extend_schema(parameters=[_TEAM], responses={(200, YAML): OpenApiTypes.STR})
    def get(self, request: Request) -> HttpResponse:
        team = _team(request, LOOK, _asked(request, {"team"}))
        return HttpResponse(rulefile.export(team, me(request)), content_type=YAML)

    @extend_schema(
        parameters=[
            _TEAM,
            OpenApiParameter("dry_run", _SWITCH, description="Say what would change, and change nothing."),
            OpenApiParameter("prune", _SWITCH, description="Remove rules of the team that the file does not have."),
        ],
        request={YAML: OpenApiTypes.STR},
        responses=PlanSerializer,
    )
    def post(self, request: Request) -> Response:
        """Make the rules as the file says, all of it or nothing. The same again changes nothing."""
        asked = _asked(request, {"team", "dry_run", "prune"})
        team = _team(request, MANAGE, asked)
        text, prune = str(request.data), asked["prune"]
        try:
            if asked["dry_run"]:
                done = rulefile.plan(team, text, now(), prune=prune)
            else:
                done = rulefile.apply(team, text, now(), by=me(request), prune=prune)
        except rulefile.Broken as broken:
            raise serializers.ValidationError({"file": broken.said()}) from broken
        answer = {"lines": done.lines, "same": done.same, "warnings": done.warnings}
        return Response({"dry_run": asked["dry_run"], **answer})


def _asked(request: Request, known: set[str]) -> dict[str, Any]:
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        raise serializers.ValidationError(
            {unknown[0][:60]: f"Nothing is known by this name. Known are: {', '.join(sorted(known))}."}
        )
    asked = AskedSerializer(data=request.query_params.dict())
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


def _team(request: Request, verb: str, asked: dict[str, Any]) -> Team:
    if "team" in asked:
        team = team_called(me(request), asked["team"], verb)
    else:
        team = Team.objects.visible_to(request.user, verb).order_by("pk").first()
    if team is None:
        raise no_team(asked.get("team", ""), status=404)
    return team
