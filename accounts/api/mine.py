"""One's own things over the API: the profile, tokens, and the browsers in which one is signed in."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import services, sessions
from accounts.api.base import LOOK, MANAGE, WRITES, Listing, asked, lately, team_of
from accounts.auth import me
from accounts.models import ApiToken, Membership, User, UserSession
from accounts.named import no_team, team_called
from core import zones
from core.clock import now
from core.strict import Selecting, Strict


class MyTeamSerializer(serializers.ModelSerializer[Membership]):
    """A team of mine, and what I may there."""

    id = serializers.UUIDField(source="team.uuid", read_only=True)
    name = serializers.CharField(source="team.name", read_only=True)

    class Meta:
        model = Membership
        fields = ("id", "name", "role", "selector")


class MeSerializer(Strict, serializers.ModelSerializer[User]):
    """Who asks, and what they chose for themselves."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    owner = serializers.BooleanField(source="is_superuser", read_only=True)
    teams = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = (
            "id", "email", "first_name", "last_name", "language", "zone", "theme", "simple", "single_keys", "owner",
            "teams",
        )  # fmt: skip
        read_only_fields = ("email",)

    def get_teams(self, user: User) -> Any:
        mine = Membership.objects.visible_to(user).filter(user=user).select_related("team").order_by("team__name")
        return MyTeamSerializer(mine, many=True).data

    def validate_zone(self, value: str) -> str:
        if value and zones.find(value) is None:
            raise serializers.ValidationError(f"{value} is no known place. Write one such as Europe/Copenhagen.")
        return value


class MeView(APIView):
    """One's own profile. The address and the password are changed in the browser."""

    resource = "people"
    own = True
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "PATCH": LOOK}

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        return Response(MeSerializer(me(request), context={"request": request}).data)

    @extend_schema(request=MeSerializer, responses=MeSerializer)
    def patch(self, request: Request) -> Response:
        wish = MeSerializer(me(request), data=request.data, partial=True)
        wish.is_valid(raise_exception=True)
        user = services.change_profile(me(request), dict(wish.validated_data))
        return Response(MeSerializer(user, context={"request": request}).data)


class ApiTokenSerializer(Selecting, serializers.ModelSerializer[ApiToken]):
    """A token; its clear text is in the answer that made it, and nowhere else."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    user = serializers.EmailField(source="user.email", read_only=True)
    scopes = serializers.ListField(child=serializers.CharField(max_length=40), max_length=100)
    token = serializers.CharField(read_only=True, required=False)

    class Meta:
        model = ApiToken
        fields = ("id", "user", "name", "scopes", "selector", "created_at", "expires_at", "used_at", "token")

    def validate_expires_at(self, value: Any) -> Any:
        if value is not None and value <= now():
            raise serializers.ValidationError("This time is over. Give one that is to come, or leave it out.")
        return value


TEAM = OpenApiParameter("team", str, description="Id or name of a team one manages: the tokens of its members.")


class TokensView(Listing):
    """Tokens that work: one's own, or of the members of a team one manages. They are made in person, by a session."""

    resource = "tokens"
    own = True
    in_person = WRITES
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "POST": LOOK}
    serializer_class = ApiTokenSerializer

    @extend_schema(operation_id="tokens_list", parameters=[TEAM], responses=ApiTokenSerializer(many=True))
    def get(self, request: Request) -> Response:
        team = request.query_params.get("team")
        if team is None:
            mine = ApiToken.objects.visible_to(me(request)).filter(user=me(request), revoked_at=None)
            return self.listed(request, mine.select_related("user").order_by("-pk"))
        known = team_called(me(request), team)
        if known is None:
            raise no_team(team, status=404)
        members = team_of(request, known.uuid, MANAGE).memberships.values("user")
        theirs = services.tokens_of_members(me(request)).filter(user__in=members)
        return self.listed(request, theirs.order_by("-pk"))

    @extend_schema(request=ApiTokenSerializer, responses={201: ApiTokenSerializer})
    def post(self, request: Request) -> Response:
        lately(request)
        wish = asked(ApiTokenSerializer, request)
        try:
            token, clear = services.give_token(
                me(request), wish["name"], wish["scopes"],
                selector=wish.get("selector", ""), expires=wish.get("expires_at"),
            )  # fmt: skip
        except services.WrongScopes as fault:
            raise serializers.ValidationError({"scopes": str(fault)}) from fault
        token.token = clear  # type: ignore[attr-defined]
        return Response(ApiTokenSerializer(token).data, status=201)


class TokenView(APIView):
    """One token, to revoke it: one's own, or of a member of a team one manages."""

    resource = "tokens"
    own = True
    in_person = WRITES
    verbs: ClassVar[dict[str, str]] = {"DELETE": LOOK}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, uuid: UUID) -> Response:
        mine = ApiToken.objects.visible_to(me(request)).filter(uuid=uuid).select_related("user").first()
        token = mine or services.tokens_of_members(me(request)).filter(uuid=uuid).first()
        if token is None:
            raise Http404
        services.revoke_token(token, by=me(request))
        return Response(status=204)


class SessionSerializer(serializers.ModelSerializer[UserSession]):
    """A browser in which one is signed in."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    here = serializers.SerializerMethodField(help_text="Whether this very request came from it.")

    class Meta:
        model = UserSession
        fields = ("id", "browser", "address", "created_at", "seen_at", "here")

    def get_here(self, session: UserSession) -> bool:
        django = self.context["request"]._request
        return bool(session.key == django.session.session_key)


class SessionsView(APIView):
    """The browsers in which one is signed in; DELETE ends all but this one."""

    resource = "sessions"
    own = True
    in_person = ("GET", "DELETE")  # a token is in no browser
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "DELETE": LOOK}

    @extend_schema(operation_id="sessions_list", responses=SessionSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(SessionSerializer(sessions.of(me(request)), many=True, context={"request": request}).data)

    @extend_schema(operation_id="sessions_end_others", responses={204: None})
    def delete(self, request: Request) -> Response:
        here = request._request.session.session_key
        end_sessions([one for one in sessions.of(me(request)) if one.key != here], me(request))
        return Response(status=204)


class SessionView(APIView):
    """One of them, to end it."""

    resource = "sessions"
    own = True
    in_person = ("GET", "DELETE")  # a token is in no browser
    verbs: ClassVar[dict[str, str]] = {"DELETE": LOOK}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, uuid: UUID) -> Response:
        found = UserSession.objects.visible_to(me(request)).filter(uuid=uuid).first()
        if found is None:
            raise Http404
        end_sessions([found], me(request))
        return Response(status=204)


def end_sessions(found: list[UserSession], by: User) -> None:
    for one in found:
        sessions.end(one)
        services.audit(by, "session.end", one, before={"browser": one.browser, "address": one.address})
