"""What the addresses about people share: who asks, the team that is meant, and acting in person."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.account.internal.flows.reauthentication import is_reauthentication_required
from django.db.models import QuerySet
from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import missing
from accounts.auth import Pages, me
from accounts.base import LOOK, MANAGE
from accounts.models import Team
from core.errors import Failure

WRITES = ("POST", "PUT", "PATCH")  # ending something stays open to tokens that have the scope
AGAIN = "Show once more who you are: open /accounts/reauthenticate/ in this browser, then try again within 5 minutes."


def team_of(request: Request, uuid: UUID, verb: str = LOOK) -> Team:
    """404 for what one may not see; 403 for what one sees and may not do."""
    team = Team.objects.visible_to(me(request)).filter(uuid=uuid).first()
    if team is None:
        raise Http404
    if verb != LOOK and not Team.objects.visible_to(me(request), verb).filter(pk=team.pk).exists():
        raise missing.role(me(request), verb, team)
    return team


def owners_only(request: Request) -> None:
    """For site owners; a narrowed token of one is none."""
    if not me(request).is_superuser or me(request).within:
        raise missing.owner(me(request))


def lately(request: Request) -> None:
    """Before a sensitive act the session shows once more who it is, over the API as on the pages."""
    if is_reauthentication_required(request._request, app="allauth.account"):
        raise Failure(AGAIN, code="sign_in_again", status=403)


def asked(
    serializer: type[serializers.Serializer[Any]], request: Request, *, partial: bool = False
) -> dict[str, Any]:
    found = serializer(data=request.data, partial=partial, context={"request": request})
    found.is_valid(raise_exception=True)
    return dict(found.validated_data)


class Listing(APIView):
    """A list in pages, of rows that are already those that may be seen."""

    serializer_class: type[serializers.BaseSerializer[Any]]

    def listed(self, request: Request, rows: QuerySet[Any]) -> Response:
        pages = Pages()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(self.serializer_class(page, many=True, context={"request": request}).data)


__all__ = ["LOOK", "MANAGE", "WRITES", "Listing", "asked", "lately", "me", "owners_only", "team_of"]
