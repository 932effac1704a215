"""Chains over the API: whom a team tells, in what order, until somebody looks after it."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.base import LOOK, MANAGE
from accounts.models import Team
from alerts import chains as pure
from alerts.api.audited import Audited
from alerts.api.base import OfTeam
from alerts.models import Chain, Channel, Schedule
from alerts.services import chains, people
from core.errors import Conflict

NO_SUCH = {
    "person": gettext_lazy("Step %(place)d: the team has no such person."),
    "schedule": gettext_lazy("Step %(place)d: the team has no such schedule."),
    "channel": gettext_lazy("Step %(place)d: the team has no such channel."),
}


@extend_schema_field({
    "type": "array",
    "maxItems": pure.STEPS_MOST,
    "items": {
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {"type": "string", "enum": list(pure.FIELDS)},
            "seconds": {"type": "integer", "minimum": pure.WAIT_LEAST, "maximum": pure.WAIT_MOST},
            "person": {"type": "string", "format": "uuid"},
            "schedule": {"type": "string", "format": "uuid"},
            "channel": {"type": "string", "format": "uuid"},
            "important": {"type": "boolean", "description": "By the ways for critical, whatever it is."},
            "times": {"type": "integer", "minimum": 1, "maximum": pure.REPEAT_MOST},
        },
        "additionalProperties": False,
    },
})  # fmt: skip
class Steps(serializers.JSONField):
    """wait{seconds} person{person} on_call{schedule} team{} channel{channel} raise{} repeat{times}."""


class ChainSerializer(OfTeam):
    steps = Steps()
    warnings = serializers.SerializerMethodField(help_text="Whom it calls though they may not acknowledge.")

    class Meta:
        model = Chain
        fields = ("id", "team", "name", "default", "unacknowledge", "steps", "warnings")
        validators: ClassVar[list[Any]] = []  # ours knows the team that is filled in

    def get_warnings(self, chain: Chain) -> list[str]:
        return chains.warnings(chain)

    def validate_steps(self, value: Any) -> list[dict[str, Any]]:
        found = pure.faults(value)
        if found:
            raise serializers.ValidationError(found)
        steps: list[dict[str, Any]] = value
        return steps

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        team = attrs.get("team") or getattr(self.instance, "team", None)
        if "steps" in attrs and isinstance(team, Team):
            faults = self._strangers(team, attrs["steps"])
            if faults:
                raise serializers.ValidationError({"steps": faults})
        return attrs

    def _strangers(self, team: Team, steps: list[dict[str, Any]]) -> list[str]:
        """Whom or what the team does not have; a foreign id is answered like one that does not exist."""
        user = self.context["request"].user
        known = {
            "person": people.tellable(team),
            "schedule": Schedule.objects.visible_to(user).filter(team=team),
            "channel": Channel.objects.visible_to(user).filter(team=team),
        }
        return [
            NO_SUCH[name] % {"place": place}
            for place, step in enumerate(steps, 1)
            for name, rows in known.items()
            if name in step and not _has(rows, step[name])
        ]

    @transaction.atomic
    def save(self, **more: Any) -> Any:
        """One default a team: the new one takes over."""
        if self.validated_data.get("default"):
            before = self.instance if isinstance(self.instance, Chain) else None
            team: Team = before.team if before else self.validated_data["team"]
            others = Chain.objects.visible_to(self.context["request"].user, MANAGE).filter(team=team, default=True)
            others.exclude(pk__in=[before.pk] if before else []).update(default=False)
        return super().save(**more)


def _has(rows: QuerySet[Any], text: str) -> bool:
    """Written in the one way by which those who name it are looked for."""
    try:
        uuid = UUID(text)
    except ValueError:
        return False
    return str(uuid) == text and rows.filter(uuid=uuid).exists()


class ChainViewSet(Audited):
    """What runs was frozen when its trouble began: a change counts for the next one."""

    what = "chain"
    resource = "chains"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "POST": MANAGE, "PUT": MANAGE, "PATCH": MANAGE, "DELETE": MANAGE}
    serializer_class = ChainSerializer
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Chain]:
        return Chain.objects.visible_to(self.request.user).select_related("team").order_by("pk")

    def perform_destroy(self, instance: Chain) -> None:  # type: ignore[override]
        named = chains.naming(instance)
        if named:
            said = _("Rules still tell by this chain: %(names)s. Change them first.")
            raise Conflict(said % {"names": ", ".join(named[:5])}, code="in_use")
        super().perform_destroy(instance)
