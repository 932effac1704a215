"""Doors into a team: made for one address, sent by mail where there is mail, open for a week, closed by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import mail
from accounts.models import INVITED_FOR, Invitation, Membership, Team, User
from accounts.role_names import NAMES
from accounts.roles import ROLES
from accounts.services.tokens import check_selector
from accounts.trail import audit
from core import tokens
from core.clock import now
from core.errors import Conflict, Failure
from core.locking import locked

PREFIX = "wki"
MOST_WAITING = 200


@dataclass(frozen=True)
class Invited:
    """A fresh invitation: its address is seen here and never again."""

    invitation: Invitation
    address: str
    mailed: bool


@transaction.atomic
def invite(team: Team, email: str, role: str, selector: str = "", *, by: User) -> Invited:
    """Ask somebody into a team. Whoever was asked already is asked anew, and the older door is closed."""
    email = email.strip().lower()
    _check(email, role, selector)
    held = locked(Team.objects).get(pk=team.pk)
    if held.memberships.filter(user__email=email).exists():
        raise Conflict(_("%(email)s is a member already.") % {"email": email}, code="member")
    waiting = Invitation.objects.filter(team=held, accepted_at=None, revoked_at=None)
    if waiting.filter(expires_at__gt=now()).count() >= MOST_WAITING:
        raise Conflict(_("Too many invitations wait for an answer. Revoke some first."), code="too_many")
    waiting.filter(email=email).update(revoked_at=now())
    token = tokens.make(PREFIX)
    row = Invitation.objects.create(
        team=held, email=email, role=role, selector=selector.strip(), key=token.key, digest=token.digest, by=by,
        expires_at=now() + INVITED_FOR,
    )  # fmt: skip
    audit(by, "invitation.make", row, after={"email": email, "role": role, "selector": row.selector})
    return _sent(row, token.clear)


@transaction.atomic
def resend(invitation: Invitation, *, by: User) -> Invited:
    """The same door with a new secret and a new week; the old address opens nothing any more."""
    held = _hold(invitation)
    if held.accepted_at or held.revoked_at:
        raise Conflict(_("This invitation is used or revoked. Make a new one."), code="over")
    token = tokens.make(PREFIX)
    before = {"expires_at": held.expires_at}
    held.key, held.digest, held.expires_at = token.key, token.digest, now() + INVITED_FOR
    held.save(update_fields=["key", "digest", "expires_at"])
    audit(by, "invitation.resend", held, before=before, after={"expires_at": held.expires_at})
    return _sent(held, token.clear)


@transaction.atomic
def revoke_invitation(invitation: Invitation, *, by: User) -> None:
    """Its address opens nothing any more; doing it twice changes nothing."""
    held = _hold(invitation)
    if held.accepted_at is None and held.revoked_at is None:
        held.revoked_at = now()
        held.save(update_fields=["revoked_at"])
        audit(by, "invitation.revoke", held, before={"email": held.email, "role": held.role})


def find_invitation(clear: str) -> Invitation | None:
    """The invitation of this secret, whatever became of it; its `state` says what."""
    parts = tokens.split(clear, PREFIX)
    row = Invitation.objects.select_related("team", "by").filter(key=parts[0]).first() if parts else None
    return row if row is not None and parts is not None and tokens.same(row.digest, parts[1]) else None


def invitation_state(invitation: Invitation, at: datetime) -> str:
    if invitation.accepted_at:
        return "accepted"
    if invitation.revoked_at:
        return "revoked"
    return "expired" if invitation.expires_at <= at else "waiting"


@transaction.atomic
def accept(invitation: Invitation, user: User) -> Membership:
    """They are a member now. Whoever is one already keeps the role they have."""
    held = _hold(invitation)
    if invitation_state(held, now()) != "waiting":
        text = _("This invitation no longer works. Ask whoever invited you to send it again.")
        raise Conflict(text, code="invitation_over")
    if user.email.lower() != held.email:
        text = _("This invitation is for %(email)s. Sign in with that address.") % {"email": held.email}
        raise Conflict(text, code="other_person")
    held.accepted_at, held.accepted_by = now(), user
    held.save(update_fields=["accepted_at", "accepted_by"])
    wish = {"role": held.role, "selector": held.selector}
    member, _made = Membership.objects.get_or_create(team=held.team, user=user, defaults=wish)
    audit(user, "invitation.accept", held, after=wish)
    return member


def _hold(invitation: Invitation) -> Invitation:
    locked(Team.objects).get(pk=invitation.team_id)
    return locked(Invitation.objects).select_related("team", "by").get(pk=invitation.pk)


def _check(email: str, role: str, selector: str) -> None:
    try:
        validate_email(email)
    except ValidationError as fault:
        raise Failure(_("Write an address such as ana@example.org."), code="invalid") from fault
    if role not in ROLES:
        raise Failure(_("Choose one of the roles: %(roles)s.") % {"roles": ", ".join(ROLES)}, code="invalid")
    check_selector(selector)


def _sent(row: Invitation, clear: str) -> Invited:
    address = f"{settings.SITE_URL}/invitation/{clear}/"
    ready = mail.ready()
    if ready:
        subject = _("You are invited to %(team)s on Watchkeeper") % {"team": row.team}
        text = _(
            "%(who)s invites you to the team %(team)s on Watchkeeper as %(role)s.\n\n"
            "Open this address to join:\n%(address)s\n\n"
            "It works once, until %(until)s UTC. If you did not expect it, do nothing."
        ) % {
            "who": row.by or "Watchkeeper", "team": row.team, "role": NAMES[row.role], "address": address,
            "until": f"{row.expires_at:%Y-%m-%d %H:%M}",
        }  # fmt: skip
        if row.selector:
            text += "\n\n" + _("It is for some of its servers: %(selector)s.") % {"selector": row.selector}
        transaction.on_commit(partial(mail.send, row.email, subject, text))
    return Invited(row, address, ready)
