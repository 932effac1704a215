"""What somebody lacks for what was refused: a token's scope, a role, or servers that their role is narrowed to."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from rest_framework.exceptions import PermissionDenied

from accounts.models import Membership, Team, User
from accounts.role_names import NAMES
from accounts.roles import ACT, LOOK, MANAGE, REPORT, ROLES

WHO = {
    LOOK: gettext_noop("a member"),
    ACT: gettext_noop("an operator or an admin"),
    REPORT: gettext_noop("a manager or an admin"),
    MANAGE: gettext_noop("an admin"),
}


def scope(resource: str, *, write: bool) -> PermissionDenied:
    wanted = f"{resource}:{'write' if write else 'read'}"
    return PermissionDenied(_("This token may not do this: it needs {scope}.").format(scope=wanted))


def role(user: User, verb: str, team: Team | None = None) -> PermissionDenied:
    """Why this person may not do what the verb says, in this team or in any."""
    mine = user.memberships.select_related("team").order_by("pk")
    held = list(mine.filter(team=team) if team else mine)
    return PermissionDenied(_narrowed(user, verb, held) or _other(verb, team, held))


def owner(user: User) -> PermissionDenied:
    if user.is_superuser and user.within:
        return PermissionDenied(_narrowed(user, MANAGE, []))
    return PermissionDenied(_("Only site owners may do this: whoever runs Watchkeeper."))


def _narrowed(user: User, verb: str, held: list[Membership]) -> str:
    """The role would do; only it does not reach the whole team."""
    enough = [one for one in held if verb in ROLES[one.role]]
    if user.within and (user.is_superuser or any(not one.selector for one in enough)):
        said = _("This token is narrowed to {selector}, and this concerns the whole team: it needs a token without.")
        return said.format(selector=user.within)
    for one in enough:
        if one.selector:
            said = _(
                "Your role in team {team} is narrowed to {selector}, and this concerns more: "
                "{who} of the whole team may do it."
            )
            return said.format(team=one.team.name, selector=one.selector, who=_(WHO[verb]))
    return ""


def _other(verb: str, team: Team | None, held: list[Membership]) -> str:
    who = _(WHO[verb])
    if not held:
        if team:
            return _("Only {who} of team {team} may do this.").format(who=who, team=team.name)
        return _("Only {who} of a team may do this.").format(who=who)
    if len(held) > 1:
        names = ", ".join(one.team.name for one in held)
        return _("Only {who} may do this, and you are that in none of your teams: {teams}.").format(
            who=who, teams=names
        )
    [one] = held
    said = _("Only {who} of team {team} may do this. Your role there: {role}.")
    return said.format(who=who, team=one.team.name, role=NAMES[one.role])
