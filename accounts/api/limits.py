"""Who must wait after too many tries, for site owners to see and to end."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import limits
from accounts.api.base import owners_only
from accounts.auth import me
from accounts.limits import Limit
from accounts.roles import LOOK, MANAGE
from core.clock import now


class LimitSerializer(serializers.ModelSerializer[Limit]):
    """Tries that were counted, and how long whoever made them must wait."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    tries = serializers.IntegerField(source="count")
    seconds = serializers.SerializerMethodField(help_text="Left to wait; 0 for nobody who must.")

    class Meta:
        model = Limit
        fields = ("id", "kind", "subject", "tries", "since", "until", "seconds")

    def get_seconds(self, limit: Limit) -> int:
        return max(0, round(limit.left(now())))


class LimitViewSet(mixins.ListModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[Limit]):
    """Those who must wait now, the longest first; `all=1` also those whose tries are only counted."""

    serializer_class = LimitSerializer
    lookup_field = "uuid"
    resource = "limits"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "DELETE": MANAGE}
    queryset = Limit.objects.none()

    def get_queryset(self) -> QuerySet[Limit]:
        found = Limit.objects.visible_to(self.request.user)
        if self.action == "list" and "all" not in self.request.query_params:
            found = found.waiting(now())
        return found.order_by("-until", "-changed_at")

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        owners_only(request)
        return super().list(request, *args, **kwargs)

    def perform_destroy(self, instance: Any) -> None:
        limits.clear(instance, by=me(self.request))
