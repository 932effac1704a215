"""Who was told by what, what came of it, and one more try for what was given up."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.auth import me, missing
from accounts.base import ACT, LOOK
from accounts.services import audit
from alerts import delivery
from alerts.models import Delivery
from core.clock import now
from core.errors import Conflict

FILTERS = {"channel": "channel__uuid", "incident": "notice__incident__uuid"}


class DeliveryRowSerializer(serializers.ModelSerializer[Delivery]):
    id = serializers.UUIDField(source="uuid", read_only=True)
    incident = serializers.UUIDField(source="notice.incident.uuid", read_only=True)
    notice = serializers.UUIDField(source="notice.uuid", read_only=True)
    kind = serializers.CharField(source="notice.kind", read_only=True)
    text = serializers.CharField(source="notice.text", read_only=True)
    channel = serializers.UUIDField(source="channel.uuid", read_only=True)
    channel_name = serializers.CharField(source="channel.name", read_only=True)
    channel_kind = serializers.CharField(source="channel.kind", read_only=True)
    person = serializers.SerializerMethodField(help_text="By name, also where the account is gone.")
    recipient = serializers.SerializerMethodField()
    instead_of = serializers.SlugRelatedField(slug_field="uuid", read_only=True)  # type: ignore[var-annotated]
    folded_in = serializers.SlugRelatedField(slug_field="uuid", read_only=True)  # type: ignore[var-annotated]

    class Meta:
        model = Delivery
        fields = (
            "id", "incident", "notice", "kind", "text", "channel", "channel_name", "channel_kind", "person",
            "recipient", "state", "attempts", "due_at", "tried_at", "sent_at", "instead_of", "folded_in", "answer",
            "error",
        )  # fmt: skip

    def get_person(self, one: Delivery) -> str | None:
        return str(one.person or one.person_name) or None

    @extend_schema_field(str)
    def get_recipient(self, one: Delivery) -> str:
        """A colleague's own number or address is theirs to show."""
        mine = not one.channel.own or one.channel.owner_id == self.context["request"].user.pk
        return one.recipient if mine else ""


WHICH = [
    OpenApiParameter("state", enum=list(Delivery.STATES)),
    OpenApiParameter("channel", OpenApiTypes.UUID),
    OpenApiParameter("incident", OpenApiTypes.UUID),
]


@extend_schema_view(list=extend_schema(parameters=WHICH))
class DeliveryViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Delivery]):
    resource = "notices"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "retry": ACT}
    serializer_class = DeliveryRowSerializer
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Delivery]:
        found = Delivery.objects.visible_to(self.request.user).select_related(
            "notice__incident__team", "channel", "person", "instead_of", "folded_in"
        )
        return found.filter(self._chosen()).order_by("-pk")

    def _chosen(self) -> Q:
        asked, chosen = self.request.query_params, Q()
        if state := asked.get("state"):
            if state not in Delivery.STATES:
                raise serializers.ValidationError({"state": f"Write one of {', '.join(Delivery.STATES)}."})
            chosen &= Q(state=state)
        for name, path in FILTERS.items():
            if value := asked.get(name):
                chosen &= Q(**{path: serializers.UUIDField().run_validation(value)})
        return chosen

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        super().check_object_permissions(request, obj)
        if self.action == "retry" and not Delivery.objects.visible_to(request.user, ACT).filter(pk=obj.pk).exists():
            raise missing.role(me(request), ACT, obj.notice.incident.team)

    @extend_schema(request=None, responses=DeliveryRowSerializer)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, uuid: str) -> Response:
        """Try a dead letter once more, as if it were new."""
        one: Delivery = self.get_object()
        if not delivery.retry(one, now()):
            raise Conflict("This delivery was not given up: it is on its way, or was sent.", code="not_dead")
        audit(me(request), "delivery.retry", one.notice.incident, after={"channel": str(one.channel)})
        one.refresh_from_db()
        return Response(self.get_serializer(one).data)
