"""Accounts, for site owners: let somebody out or in again, share the site, help who forgot a password."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import sessions
from accounts.base import narrow
from accounts.models import User
from accounts.trail import audit
from core import live
from core.errors import Conflict
from core.locking import locked


@transaction.atomic
def set_active(user: User, active: bool, *, by: User) -> None:
    """Disabled, somebody is signed out everywhere and their tokens rest; nothing of theirs is lost."""
    held = _hold(user)
    if held.is_active == active:
        return
    held.is_active = active
    held.save(update_fields=["is_active"])
    _keep_an_owner()
    audit(
        by,
        "person.enable" if active else "person.disable",
        held,
        before={"active": not active},
        after={"active": active},
    )
    if not active:
        sessions.end_all(held)
    _look_again(held)


@transaction.atomic
def set_owner(user: User, owner: bool, *, by: User) -> None:
    """A site owner is above all teams."""
    held = _hold(user)
    if held.is_superuser == owner:
        return
    held.is_superuser = held.is_staff = owner
    held.save(update_fields=["is_superuser", "is_staff"])
    _keep_an_owner()
    audit(by, "person.owner", held, before={"owner": not owner}, after={"owner": owner})
    _look_again(held)


def reset_link(user: User, *, by: User) -> str:
    """An address under which they choose a new password, for whoever cannot be sent a mail."""
    from accounts.sign_in.links import password_link  # noqa: PLC0415 - it stands on these services

    if not user.is_active:
        raise Conflict(_("This account is disabled. Enable it first."), code="disabled")
    audit(by, "person.reset_link", user)
    return password_link(user)


def _hold(user: User) -> User:
    """The account as it is now; whoever changes owners or accounts waits here, so that the last owner stays."""
    rows = {row.pk: row for row in locked(User.objects.filter(is_superuser=True).order_by("pk"))}
    return rows.get(user.pk) or locked(User.objects).get(pk=user.pk)


def _keep_an_owner() -> None:
    if not User.objects.filter(is_superuser=True, is_active=True).exists():
        text = _("Watchkeeper needs a site owner. Make somebody else owner first.")
        raise Conflict(text, code="last_owner")


def _look_again(user: User) -> None:
    def look() -> None:
        narrow.forget()
        live.recheck(user.pk)

    transaction.on_commit(look)
