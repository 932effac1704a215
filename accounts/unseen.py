"""What one may not see is not there, whatever is asked of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from rest_framework.exceptions import MethodNotAllowed, PermissionDenied
from rest_framework.request import Request

from accounts.models import ApiToken

if TYPE_CHECKING:
    from rest_framework.viewsets import GenericViewSet

    _Views = GenericViewSet[Any]
else:
    _Views = object  # at run time DRF's views are only half loaded when they ask for accounts.auth


class Unseen(_Views):
    """Stands before DRF's own classes; what is seen, but has no such method, answers 405, not 403."""

    resource: str

    def check_permissions(self, request: Request) -> None:
        try:
            super().check_permissions(request)
        except (PermissionDenied, MethodNotAllowed) as refused:
            token = request.auth
            if isinstance(token, ApiToken) and not token.allows(self.resource, write=False):
                raise
            if self.lookup_field in self.kwargs and not self._seen():
                raise Http404 from refused
            if self.action is None:
                raise MethodNotAllowed(str(request.method)) from refused
            raise

    def _seen(self) -> bool:
        return self.get_queryset().filter(**{self.lookup_field: self.kwargs[self.lookup_field]}).exists()
