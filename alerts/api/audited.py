"""Changes over the API leave a line in the audit trail, in the transaction that makes them."""

from __future__ import annotations

import json
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Model
from rest_framework import viewsets
from rest_framework.renderers import JSONRenderer
from rest_framework.serializers import BaseSerializer

from accounts.auth import me
from accounts.services import audit
from alerts.api.base import Hidden
from core.errors import Conflict


class Audited(Hidden, viewsets.ModelViewSet[Any]):
    """`what` names the thing in the trail, such as `chain` in chain.change; what is told is what may be read."""

    what: str
    taken = "Somebody took this name just now. Choose another."

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        try:
            with transaction.atomic():
                made = serializer.save()
                self.written("add", made, after=self._told(made))
        except IntegrityError as taken:
            raise Conflict(self.taken, code="taken") from taken

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        before = self._told(serializer.instance)
        try:
            with transaction.atomic():
                made = serializer.save()
                self.written("change", made, before=before, after=self._told(made))
        except IntegrityError as taken:
            raise Conflict(self.taken, code="taken") from taken

    @transaction.atomic
    def perform_destroy(self, instance: Model) -> None:
        self.written("remove", instance, before=self._told(instance))
        instance.delete()

    def written(self, verb: str, row: Any, **told: dict[str, Any]) -> None:
        audit(me(self.request), f"{self.what}.{verb}", row, **told)

    def _told(self, row: Any) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(JSONRenderer().render(self.get_serializer(row).data))
        return told
