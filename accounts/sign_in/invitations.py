"""An invitation's other side: found by its secret, judged, and accepted once."""

from __future__ import annotations

from django.db import transaction

from accounts.models import Invitation, Membership, User
from accounts.services import audit
from core import live, tokens
from core.clock import now
from core.locking import locked


def find(clear: str) -> Invitation | None:
    parts = tokens.split(clear, "wki")
    if parts is None:
        return None
    key, digest = parts
    found = Invitation.objects.select_related("team", "by").filter(key=key).first()
    return found if found and tokens.same(found.digest, digest) else None


def state(invitation: Invitation) -> str:
    if invitation.accepted_at:
        return "used"
    if invitation.revoked_at:
        return "revoked"
    return "open" if invitation.expires_at > now() else "expired"


def open_for(email: str) -> list[Invitation]:
    """What waits for whoever proved that this address is theirs."""
    waiting = Invitation.objects.filter(email__iexact=email, accepted_at=None, revoked_at=None, expires_at__gt=now())
    return list(waiting.select_related("team"))


@transaction.atomic
def accept(invitation: Invitation, user: User) -> bool:
    """Join the team; a second time, or one that closed meanwhile, does nothing."""
    invitation = locked(Invitation.objects.select_related("team")).get(pk=invitation.pk)
    if state(invitation) != "open":
        return False
    given = {"role": invitation.role, "selector": invitation.selector}
    # Whoever is a member already keeps the role they have: an old letter must not lower or raise it.
    member, _ = Membership.objects.get_or_create(team=invitation.team, user=user, defaults=given)
    invitation.accepted_at, invitation.accepted_by = now(), user
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    audit(user, "invitation.accept", invitation, after={"team": invitation.team.name, "role": member.role})
    transaction.on_commit(lambda: live.recheck(user.pk))
    return True
