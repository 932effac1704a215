"""Roles that the groups of a sign-in service give, followed at each sign-in; those given by hand stay."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from django.db import transaction

from accounts.base import narrow
from accounts.models import Membership, Team, User
from accounts.services.members import change_member, remove_member
from accounts.trail import audit
from core import live
from core.errors import Conflict

log = logging.getLogger(__name__)


def follow_groups(user: User, wanted: dict[str, str]) -> None:
    """`wanted`: the role by the team's name. A role that a group gave goes when the group does."""
    teams = {team.name: team for team in Team.objects.filter(name__in=wanted)}
    held = {member.team_id: member for member in Membership.objects.filter(user=user).select_related("team")}
    for name in wanted.keys() - teams.keys():
        log.warning("A group of the sign-in service leads to the team %s, which is not here", name)
    for name, team in teams.items():
        member = held.get(team.pk)
        if member is None:
            _join(team, user, wanted[name])
        elif member.by_groups:
            _sure(partial(change_member, member, by=user, role=wanted[name], by_groups=True), team)
    for member in held.values():
        if member.by_groups and member.team.name not in wanted:
            _sure(partial(remove_member, member, by=user), member.team)


@transaction.atomic
def _join(team: Team, user: User, role: str) -> None:
    defaults = {"role": role, "by_groups": True}
    member, made = Membership.objects.get_or_create(team=team, user=user, defaults=defaults)
    if made:
        audit(user, "member.add", member, after={"team": team.name, "role": role, "by_groups": True})
        transaction.on_commit(narrow.forget)
        transaction.on_commit(partial(live.recheck, user.pk))


def _sure(act: Callable[[], object], team: Team) -> None:
    """A team keeps its last admin, whatever the groups say."""
    try:
        act()
    except Conflict as fault:
        log.warning("The team %s does not follow the groups of the sign-in service: %s", team, fault.detail)
