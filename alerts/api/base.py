"""What the things of a team share in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers, viewsets

from accounts.auth import TeamField, Unseen
from accounts.base import MANAGE
from accounts.models import Team
from core.strict import Strict


class Hidden(Unseen, viewsets.GenericViewSet[Any]):
    """What one may not see is not there."""


class OfTeam(Strict, serializers.ModelSerializer[Any]):
    """A thing of one team: the id outside is the UUID, and the team one the person manages."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    team = TeamField(MANAGE, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.instance is None:
            attrs.setdefault("team", self._first_team())
        elif attrs.get("team", self.instance.team) != self.instance.team:
            raise serializers.ValidationError({"team": "Moving to another team is a step of its own."})
        self._check_name(attrs)
        return attrs

    def _first_team(self) -> Team:
        team = Team.objects.visible_to(self.context["request"].user, MANAGE).order_by("pk").first()
        if team is None:
            raise serializers.ValidationError("You manage no team that this could belong to.")
        return team

    def _check_name(self, attrs: dict[str, Any]) -> None:
        team = attrs.get("team") or getattr(self.instance, "team", None)
        namesakes = self.context["view"].get_queryset().filter(team=team, name=attrs.get("name"))
        if namesakes.exclude(pk=getattr(self.instance, "pk", None)).exists():
            raise serializers.ValidationError({"name": "This name is taken in the team."})
