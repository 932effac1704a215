"""What lists of incidents, notices and silences may be asked for, in words that are checked."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from accounts.auth import called
from accounts.models import Team, User
from alerts.api.moments import Moment
from alerts.models import SEVERITIES, Delivery, Incident, Notice
from alerts.models.records import NOTICES

STATES = ("open", "acknowledged", "resolved", "standing")


class IncidentsAsked(serializers.Serializer[Any]):
    state = serializers.ChoiceField(
        STATES, required=False, help_text="open: nobody looks after it yet; standing: open or acknowledged."
    )
    severity = serializers.ChoiceField([name for name, _ in SEVERITIES], required=False)
    server = serializers.UUIDField(required=False)
    rule = serializers.UUIDField(required=False)
    team = serializers.CharField(required=False, max_length=100, help_text="Its id or its name.")
    since = Moment(required=False, help_text="Opened or ended after this.")


class NoticesAsked(serializers.Serializer[Any]):
    incident = serializers.UUIDField(required=False)
    server = serializers.UUIDField(required=False)
    rule = serializers.UUIDField(required=False)
    kind = serializers.ChoiceField(NOTICES, required=False)
    channel = serializers.UUIDField(required=False)
    state = serializers.ChoiceField(
        ("held", "not told", *Delivery.STATES), required=False, help_text="Of the notice, or of a delivery of it."
    )

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of Python.
        times = {"from": Moment(required=False), "to": Moment(required=False, help_text="Not included.")}
        return {**super().get_fields(), **times}


def read(shape: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The filters of this request, or an answer that names the one that is wrong."""
    asked = shape(data=request.query_params.dict())
    asked.is_valid(raise_exception=True)
    found: dict[str, Any] = asked.validated_data
    return found


def incidents(rows: QuerySet[Incident], asked: dict[str, Any], user: User) -> QuerySet[Incident]:
    if state := asked.get("state"):
        rows = _in(rows, state)
    if "severity" in asked:
        rows = rows.filter(severity=asked["severity"])
    for name, path in (("server", "alerts__server__uuid"), ("rule", "alerts__rule__uuid")):
        if name in asked:
            rows = rows.filter(**{path: asked[name]})
    if "team" in asked:
        rows = rows.filter(team__in=Team.objects.visible_to(user).filter(called(asked["team"])))
    if "since" in asked:
        rows = rows.filter(Q(opened_at__gte=asked["since"]) | Q(resolved_at__gte=asked["since"]))
    return rows.distinct()


def _in(rows: QuerySet[Incident], state: str) -> QuerySet[Incident]:
    if state == "resolved":
        return rows.exclude(resolved_at=None)
    rows = rows.filter(resolved_at=None)
    return rows if state == "standing" else rows.filter(acknowledged_at__isnull=state == "open")


_PATHS = {
    "incident": "incident__uuid", "server": "alert__server__uuid", "rule": "alert__rule__uuid", "kind": "kind",
    "from": "at__gte", "to": "at__lt",
}  # fmt: skip


def notices(rows: QuerySet[Notice], asked: dict[str, Any]) -> QuerySet[Notice]:
    rows = rows.filter(**{path: asked[name] for name, path in _PATHS.items() if name in asked})
    if "channel" in asked:
        rows = rows.filter(deliveries__channel__uuid=asked["channel"])
    state = asked.get("state")
    if state in Delivery.STATES:
        rows = rows.filter(deliveries__state=state)
    elif state:
        rows = rows.filter(told_at__isnull=state == "held").exclude(held="")
    return rows.distinct()
