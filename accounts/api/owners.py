"""All accounts over the API, for site owners in person."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import services
from accounts.api.base import MANAGE, WRITES, Listing, lately, owners_only
from accounts.auth import me
from accounts.models import User
from core.strict import Strict


class AccountSerializer(Strict, serializers.ModelSerializer[User]):
    """Somebody who can sign in here, or could."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    name = serializers.CharField(source="__str__", read_only=True)
    active = serializers.BooleanField(source="is_active")
    owner = serializers.BooleanField(source="is_superuser")
    teams = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ("id", "name", "email", "active", "owner", "teams", "last_login", "date_joined")
        read_only_fields = ("email", "last_login", "date_joined")

    def get_teams(self, user: User) -> list[str]:
        return [member.team.name for member in user.memberships.all()]


class AccountsView(Listing):
    """Everybody, in a team or not."""

    resource = "people"
    verbs: ClassVar[dict[str, str]] = {"GET": MANAGE}
    serializer_class = AccountSerializer

    @extend_schema(operation_id="accounts_list", responses=AccountSerializer(many=True))
    def get(self, request: Request) -> Response:
        owners_only(request)
        return self.listed(request, User.objects.prefetch_related("memberships__team").order_by("pk"))


class AccountView(APIView):
    """One account: `active` false signs them out everywhere and lets their tokens rest; `owner` shares the site."""

    resource = "people"
    in_person = WRITES
    verbs: ClassVar[dict[str, str]] = {"GET": MANAGE, "PATCH": MANAGE}

    @extend_schema(responses=AccountSerializer)
    def get(self, request: Request, uuid: UUID) -> Response:
        return Response(AccountSerializer(_account(request, uuid)).data)

    @extend_schema(request=AccountSerializer, responses=AccountSerializer)
    def patch(self, request: Request, uuid: UUID) -> Response:
        user = _account(request, uuid)
        lately(request)
        wish = AccountSerializer(user, data=request.data, partial=True)
        wish.is_valid(raise_exception=True)
        if "is_superuser" in wish.validated_data:
            services.set_owner(user, wish.validated_data["is_superuser"], by=me(request))
        if "is_active" in wish.validated_data:
            services.set_active(user, wish.validated_data["is_active"], by=me(request))
        return Response(AccountSerializer(_account(request, uuid)).data)


class LinkSerializer(serializers.Serializer[Any]):
    address = serializers.CharField()


class ResetLinkView(APIView):
    """An address under which they choose a new password, shown this once."""

    resource = "people"
    in_person = WRITES
    verbs: ClassVar[dict[str, str]] = {"POST": MANAGE}

    @extend_schema(request=None, responses=LinkSerializer)
    def post(self, request: Request, uuid: UUID) -> Response:
        user = _account(request, uuid)
        lately(request)
        return Response({"address": services.reset_link(user, by=me(request))})


def _account(request: Request, uuid: UUID) -> User:
    owners_only(request)
    found = User.objects.prefetch_related("memberships__team").filter(uuid=uuid).first()
    if found is None:
        raise Http404
    return found
