"""Members of a team: another role, fewer servers, or the end of it. A team always keeps an admin."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.base import narrow
from accounts.models import ApiToken, Membership, Team, User
from accounts.services.tokens import check_selector
from accounts.trail import audit
from core import live
from core.clock import now
from core.errors import Conflict
from core.locking import locked


@transaction.atomic
def change_member(
    member: Membership,
    *,
    by: User,
    role: str | None = None,
    selector: str | None = None,
    by_groups: bool = False,
) -> Membership:
    """Another role, or another part of the servers; the same again changes nothing.

    A role that somebody gives by hand is no longer the groups' to take.
    """
    held = _hold(member)
    before = {"role": held.role, "selector": held.selector}
    if selector is not None:
        check_selector(selector)
        held.selector = selector.strip()
    held.role = role or held.role
    after = {"role": held.role, "selector": held.selector}
    if after == before:
        return held
    held.by_groups = by_groups if after["role"] != before["role"] else held.by_groups
    held.save(update_fields=["role", "selector", "by_groups"])
    _keep_an_admin(held.team)
    audit(by, "member.change", held, before=before, after=after)
    transaction.on_commit(partial(_look_again, held.user_id))
    return held


@transaction.atomic
def remove_member(member: Membership, *, by: User) -> None:
    """Their rights in the team end now, in open pages too; without any team left their tokens end as well."""
    held = _hold(member)
    user = held.user
    audit(by, "member.remove", held, before={"role": held.role, "selector": held.selector})
    held.delete()
    _keep_an_admin(held.team)
    if not user.is_superuser and not user.memberships.exists():
        end_tokens(user, by=by)
    transaction.on_commit(partial(_look_again, user.pk))


def end_tokens(user: User, *, by: User) -> None:
    """All that still work; a token given to a script must not come back with its person."""
    for token in ApiToken.objects.filter(user=user, revoked_at=None):
        ApiToken.objects.filter(pk=token.pk).update(revoked_at=now())
        audit(by, "token.revoke", token, before={"name": token.name, "user": user.email})


def _hold(member: Membership) -> Membership:
    """The member as it is now. Whoever changes members of a team waits here for whoever does already."""
    locked(Team.objects).get(pk=member.team_id)
    held = Membership.objects.select_related("team", "user").filter(pk=member.pk).first()
    if held is None:
        raise Conflict(_("They are no member any more."), code="gone")
    return held


def _keep_an_admin(team: Team) -> None:
    """After the change: somebody must still manage all of the team."""
    if not team.memberships.filter(role="admin", selector="", user__is_active=True).exists():
        text = _("A team needs an admin who manages all of it. Make somebody else admin first.")
        raise Conflict(text, code="last_admin")


def _look_again(user: int) -> None:
    narrow.forget()
    live.recheck(user)
