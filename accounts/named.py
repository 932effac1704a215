"""A team as programs name it: by its id or by its name, at every door of the API alike."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.base import LOOK
from accounts.models import Team, User
from core.errors import Failure

NO_TEAM = _('You have no team "{value}" for this. Give the id or the name of one of yours; /api/v1/teams lists them.')


def called(word: str) -> Q:
    """What finds the team of this id or name; a name that looks like an id is one too."""
    try:
        return Q(uuid=UUID(word)) | Q(name=word)
    except ValueError:
        return Q(name=word)


def team_called(user: User, word: str, verb: str = LOOK) -> Team | None:
    return Team.objects.visible_to(user, verb).filter(called(word)).order_by("pk").first()


def no_team(word: str, *, status: int = 400) -> Failure:
    code = "invalid" if status == 400 else "not_found"
    return Failure(str(NO_TEAM).format(value=word[:80]), code=code, status=status)


@extend_schema_field({"type": "string"})
class TeamField(serializers.SlugRelatedField[Team]):
    """One of the teams in which whoever asks may do what `verb` says; told by its name."""

    default_error_messages = {"does_not_exist": NO_TEAM}

    def __init__(self, verb: str = LOOK, **more: Any) -> None:
        self.verb = verb
        more = more if more.get("read_only") else {"queryset": Team.objects.none(), **more}
        super().__init__(slug_field="name", **more)

    def get_queryset(self) -> QuerySet[Team]:
        request = self.context.get("request")
        return Team.objects.visible_to(request.user, self.verb) if request else Team.objects.none()

    def to_internal_value(self, data: Any) -> Team:
        if not isinstance(data, str):
            self.fail("invalid")
        team = self.get_queryset().filter(called(data)).order_by("pk").first()
        if team is None:
            self.fail("does_not_exist", value=data[:80])
        return team
