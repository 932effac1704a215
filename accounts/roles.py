"""Roles are sets of verbs, not ranks: what a member may do in a team."""

from __future__ import annotations

LOOK = "look"
ACT = "act"  # acknowledge, silence, run approved fixes
REPORT = "report"  # reports and schedules, team preferences
MANAGE = "manage"  # servers, rules, channels, people, tokens

ROLES: dict[str, frozenset[str]] = {
    "viewer": frozenset({LOOK}),
    "operator": frozenset({LOOK, ACT}),
    "manager": frozenset({LOOK, REPORT}),
    "admin": frozenset({LOOK, ACT, REPORT, MANAGE}),
}


def holding(verb: str) -> list[str]:
    """The roles that include a verb."""
    return [role for role, verbs in ROLES.items() if verb in verbs]
