"""What people do to people: teams, roles, invitations, tokens and profiles, each with its line in the trail."""

from __future__ import annotations

from accounts.services.site import MAIN_TEAM, FirstAdmin, begin_team, ensure_site, on_new_team
from accounts.services.tokens import RESOURCES, WrongScopes, WrongToken, check_selector, make_token
from accounts.trail import audit, came_over, over

__all__ = [
    "MAIN_TEAM", "RESOURCES", "FirstAdmin", "WrongScopes", "WrongToken", "audit", "begin_team", "came_over",
    "check_selector", "ensure_site", "make_token", "on_new_team", "over",
]  # fmt: skip
