"""Teams, their members and invitations over the API. People are managed in person: never by a token."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Count, QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import services
from accounts.api.base import LOOK, MANAGE, WRITES, Listing, asked, owners_only, team_of
from accounts.auth import me
from accounts.models import Invitation, Membership, Team
from core.clock import now
from core.strict import Selecting, Strict


class TeamSerializer(Strict, serializers.ModelSerializer[Team]):
    """Who shares servers, rules and channels."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    name = serializers.CharField(max_length=80)
    members = serializers.IntegerField(read_only=True)

    class Meta:
        model = Team
        fields = ("id", "name", "require_second_factor", "members", "created_at")
        read_only_fields = ("created_at",)


class NewTeamSerializer(Strict):
    name = serializers.CharField(max_length=80)


class MemberSerializer(serializers.ModelSerializer[Membership]):
    """A person in a team; the id is the person's."""

    id = serializers.UUIDField(source="user.uuid", read_only=True)
    name = serializers.CharField(source="user.__str__", read_only=True)
    email = serializers.EmailField(source="user.email", read_only=True)
    active = serializers.BooleanField(source="user.is_active", read_only=True)
    since = serializers.DateTimeField(source="created_at", read_only=True)

    class Meta:
        model = Membership
        fields = ("id", "name", "email", "role", "selector", "active", "since")


class MemberChangeSerializer(Selecting, serializers.ModelSerializer[Membership]):
    class Meta:
        model = Membership
        fields = ("role", "selector")


class InvitationSerializer(Selecting, serializers.ModelSerializer[Invitation]):
    """A door into a team; its address is in the answer that made it, and nowhere else."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    by = serializers.CharField(source="by.email", read_only=True, default=None)
    state = serializers.SerializerMethodField(help_text="waiting, expired, accepted or revoked.")
    address = serializers.CharField(read_only=True, required=False, help_text="To hand over, where none was mailed.")
    mailed = serializers.BooleanField(read_only=True, required=False)

    class Meta:
        model = Invitation
        fields = (
            "id", "email", "role", "selector", "state", "by", "created_at", "expires_at", "accepted_at", "address",
            "mailed",
        )  # fmt: skip
        read_only_fields = ("expires_at", "accepted_at")

    def get_state(self, row: Invitation) -> str:
        return services.invitation_state(row, now())


class TeamsView(Listing):
    """One's own teams; a site owner sees all and makes new ones."""

    resource = "teams"
    in_person = WRITES
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "POST": MANAGE}
    serializer_class = TeamSerializer

    @extend_schema(operation_id="teams_list", responses=TeamSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.listed(request, _counted(Team.objects.visible_to(me(request))).order_by("pk"))

    @extend_schema(request=NewTeamSerializer, responses={201: TeamSerializer})
    def post(self, request: Request) -> Response:
        owners_only(request)
        team = services.make_team(asked(NewTeamSerializer, request)["name"], by=me(request))
        return Response(_whole(request, team), status=201)


class TeamView(APIView):
    """One team."""

    resource = "teams"
    in_person = WRITES
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "PATCH": MANAGE, "DELETE": MANAGE}

    @extend_schema(responses=TeamSerializer)
    def get(self, request: Request, uuid: UUID) -> Response:
        return Response(_whole(request, team_of(request, uuid)))

    @extend_schema(request=TeamSerializer, responses=TeamSerializer)
    def patch(self, request: Request, uuid: UUID) -> Response:
        team = team_of(request, uuid, MANAGE)
        wish = asked(TeamSerializer, request, partial=True)
        services.change_team(
            team, by=me(request), name=wish.get("name"), second_factor=wish.get("require_second_factor")
        )
        return Response(_whole(request, team))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, uuid: UUID) -> Response:
        team = team_of(request, uuid, MANAGE)
        owners_only(request)
        services.remove_team(team, by=me(request))
        return Response(status=204)


class MembersView(Listing):
    """Who is in a team. New ones come by invitation."""

    resource = "teams"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK}
    serializer_class = MemberSerializer

    @extend_schema(operation_id="members_list", responses=MemberSerializer(many=True))
    def get(self, request: Request, uuid: UUID) -> Response:
        rows = Membership.objects.visible_to(me(request)).filter(team=team_of(request, uuid))
        return self.listed(request, rows.select_related("user").order_by("pk"))


class MemberView(APIView):
    """One member: another role, fewer servers, or the end. One's own membership anybody may end."""

    resource = "people"  # a token that keeps teams must not be able to empty them
    in_person = WRITES
    verbs: ClassVar[dict[str, str]] = {"PATCH": MANAGE, "DELETE": LOOK}

    @extend_schema(request=MemberChangeSerializer, responses=MemberSerializer)
    def patch(self, request: Request, uuid: UUID, person: UUID) -> Response:
        member = self._member(request, uuid, person, MANAGE)
        wish = asked(MemberChangeSerializer, request, partial=True)
        return Response(MemberSerializer(services.change_member(member, by=me(request), **wish)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, uuid: UUID, person: UUID) -> Response:
        verb = LOOK if person == me(request).uuid else MANAGE
        services.remove_member(self._member(request, uuid, person, verb), by=me(request))
        return Response(status=204)

    def _member(self, request: Request, uuid: UUID, person: UUID, verb: str) -> Membership:
        rows = Membership.objects.visible_to(me(request)).filter(team=team_of(request, uuid, verb))
        found = rows.filter(user__uuid=person).select_related("user", "team").first()
        if found is None:
            raise Http404
        return found


class InvitationsView(Listing):
    """Those that wait for an answer. With mail they are sent; else the address is there to hand over."""

    resource = "teams"
    in_person = WRITES
    verbs: ClassVar[dict[str, str]] = {"GET": MANAGE, "POST": MANAGE}
    serializer_class = InvitationSerializer

    @extend_schema(operation_id="invitations_list", responses=InvitationSerializer(many=True))
    def get(self, request: Request, uuid: UUID) -> Response:
        return self.listed(request, _open(request, uuid).order_by("-pk"))

    @extend_schema(request=InvitationSerializer, responses={201: InvitationSerializer})
    def post(self, request: Request, uuid: UUID) -> Response:
        team = team_of(request, uuid, MANAGE)
        wish = asked(InvitationSerializer, request)
        made = services.invite(team, wish["email"], wish["role"], wish.get("selector", ""), by=me(request))
        return Response(_fresh(made), status=201)


class InvitationView(APIView):
    """One invitation: POST sends it again with a new address, DELETE closes it."""

    resource = "teams"
    in_person = WRITES
    verbs: ClassVar[dict[str, str]] = {"POST": MANAGE, "DELETE": MANAGE}

    @extend_schema(operation_id="invitations_resend", request=None, responses=InvitationSerializer)
    def post(self, request: Request, uuid: UUID, invitation: UUID) -> Response:
        return Response(_fresh(services.resend(self._one(request, uuid, invitation), by=me(request))))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, uuid: UUID, invitation: UUID) -> Response:
        services.revoke_invitation(self._one(request, uuid, invitation), by=me(request))
        return Response(status=204)

    def _one(self, request: Request, uuid: UUID, invitation: UUID) -> Invitation:
        found = _open(request, uuid).filter(uuid=invitation).first()
        if found is None:
            raise Http404
        return found


def _counted(teams: QuerySet[Team]) -> QuerySet[Team]:
    return teams.annotate(members=Count("memberships", distinct=True))


def _whole(request: Request, team: Team) -> Any:
    return TeamSerializer(_counted(Team.objects.visible_to(me(request)).filter(pk=team.pk)).get()).data


def _open(request: Request, uuid: UUID) -> QuerySet[Invitation]:
    team = team_of(request, uuid, MANAGE)
    rows = Invitation.objects.visible_to(me(request), MANAGE).filter(team=team, accepted_at=None, revoked_at=None)
    return rows.select_related("by", "team")


def _fresh(made: services.Invited) -> dict[str, Any]:
    """Mailed, its address is for whoever reads that letter: else who invites could make the account themselves."""
    handed = {} if made.mailed else {"address": made.address}
    return {**InvitationSerializer(made.invitation).data, **handed, "mailed": made.mailed}
