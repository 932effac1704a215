"""Saved views over the API: keep what the fleet page shows under a name, for oneself or for a team."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

from django.db import transaction
from django.db.models import QuerySet
from rest_framework import mixins, serializers, viewsets

from accounts.auth import TeamField, Unseen, me
from accounts.base import LOOK, REPORT
from accounts.models import User
from accounts.services import audit
from core.strict import Strict
from dashboards.models import View
from servers.models import printable

KEPT = ("group", "by", "q", "show", "sort", "cols")
MOST = 100
"""Of one person, or of one team: a menu is read, not searched."""


class ViewSerializer(Strict, serializers.ModelSerializer[View]):
    id = serializers.UUIDField(source="uuid", read_only=True)
    team = TeamField(
        REPORT, required=False, allow_null=True, default=None, help_text="Whose it is; null: only yours."
    )
    name = serializers.CharField(max_length=60, validators=[printable])
    query = serializers.CharField(
        max_length=2000,
        allow_blank=True,
        default="",
        help_text="Such as q=tag:db&sort=-cpu; what is unknown is left out.",
    )
    mine = serializers.SerializerMethodField()

    class Meta:
        model = View
        fields = ("id", "team", "name", "query", "mine")
        validators: ClassVar[list[Any]] = []

    def get_mine(self, view: View) -> bool:
        return bool(view.owner_id == self.context["request"].user.pk)

    def validate_query(self, value: str) -> str:
        """Only what the page knows: a saved view leads nowhere else and carries nothing else."""
        pairs = [(key, text) for key, text in parse_qsl(value.lstrip("?"), max_num_fields=50) if key in KEPT]
        return urlencode(pairs)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        user = self.context["request"].user
        if self.instance is not None and "team" in self.initial_data and attrs.get("team") != self.instance.team:
            raise serializers.ValidationError({"team": "Save it again under the other team."})
        team = self.instance.team if self.instance else attrs.get("team")
        rows = View.objects.visible_to(user).filter(team=team)
        rows = rows if team else rows.filter(owner=user)
        others = rows.exclude(pk=self.instance.pk) if self.instance else rows
        if others.filter(name=attrs.get("name")).exists():
            raise serializers.ValidationError({"name": "There is a view of this name."})
        if self.instance is None and rows.count() >= MOST:
            raise serializers.ValidationError({"name": f"There are {MOST} views already. Remove one first."})
        return attrs


class ViewViewSet(
    Unseen,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.CreateModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Any],
):
    """One's own and the teams'; a team's are kept by who may report in it."""

    resource = "views"
    # Everybody keeps views of their own; what is a team's is asked for by REPORT below.
    verbs: ClassVar[dict[str, str]] = dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), LOOK)
    serializer_class = ViewSerializer
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[View]:
        verb = LOOK if self.request.method in {"GET", "HEAD", "OPTIONS"} else REPORT
        return View.objects.visible_to(self.request.user, verb).select_related("team").order_by("name", "pk")

    @transaction.atomic
    def perform_create(self, serializer: Any) -> None:
        view = serializer.save(owner=self._user())
        audit(self._user(), "view.make", view, after=_told(view))

    @transaction.atomic
    def perform_update(self, serializer: Any) -> None:
        before = _told(serializer.instance)
        audit(self._user(), "view.change", view := serializer.save(), before=before, after=_told(view))

    @transaction.atomic
    def perform_destroy(self, view: View) -> None:
        audit(self._user(), "view.remove", view, before=_told(view))
        view.delete()

    def _user(self) -> User:
        return me(self.request)


def _told(view: View) -> dict[str, Any]:
    return {"name": view.name, "query": view.query, "team": view.team.name if view.team else None}
