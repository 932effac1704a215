"""What people do to people: teams, roles, invitations, tokens and profiles, each with its line in the trail."""

from __future__ import annotations

from accounts.act_names import action_name
from accounts.mail import ready as mail_ready
from accounts.services.groups import follow_groups
from accounts.services.invitations import (
    Invited,
    accept,
    find_invitation,
    invitation_state,
    invite,
    resend,
    revoke_invitation,
)
from accounts.services.members import change_member, remove_member
from accounts.services.people import reset_link, set_active, set_owner
from accounts.services.profile import ask_for_address, asked_address, change_address, change_profile
from accounts.services.site import MAIN_TEAM, FirstAdmin, begin_team, ensure_site, on_new_team
from accounts.services.teams import change_team, make_team, on_end_of_team, remove_team, when_team_ends
from accounts.services.tokens import (
    RESOURCES,
    WrongScopes,
    WrongToken,
    check_selector,
    give_token,
    make_token,
    revoke_token,
    tokens_of_members,
)
from accounts.tally import strangers, wrong_secret
from accounts.trail import audit, came_over, over

__all__ = [
    "MAIN_TEAM",
    "RESOURCES",
    "FirstAdmin",
    "Invited",
    "WrongScopes",
    "WrongToken",
    "accept",
    "action_name",
    "ask_for_address",
    "asked_address",
    "audit",
    "begin_team",
    "came_over",
    "change_address",
    "change_member",
    "change_profile",
    "change_team",
    "check_selector",
    "ensure_site",
    "find_invitation",
    "follow_groups",
    "give_token",
    "invitation_state",
    "invite",
    "mail_ready",
    "make_team",
    "make_token",
    "on_end_of_team",
    "on_new_team",
    "over",
    "remove_member",
    "remove_team",
    "resend",
    "reset_link",
    "revoke_invitation",
    "revoke_token",
    "set_active",
    "set_owner",
    "strangers",
    "tokens_of_members",
    "when_team_ends",
    "wrong_secret",
]  # fmt: skip
