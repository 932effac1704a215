"""What people say of themselves: name, language, zone, look of the pages, and the address they sign in with."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from accounts import mail
from accounts.models import User
from accounts.trail import audit
from core.errors import Conflict
from core.locking import locked

PROFILE = ("first_name", "last_name", "language", "zone", "theme", "simple", "single_keys")
LINK_WORKS = 24 * 3600
SALT = "address of an account"


@transaction.atomic
def change_profile(user: User, wish: dict[str, Any]) -> User:
    """One's own profile; the same again changes nothing."""
    held = locked(User.objects).get(pk=user.pk)
    before = {name: getattr(held, name) for name in PROFILE}
    for name in PROFILE:
        if name in wish:
            setattr(held, name, wish[name])
    held.save(update_fields=list(PROFILE))
    audit(held, "profile.change", held, before=before, after={name: getattr(held, name) for name in PROFILE})
    return held


def ask_for_address(user: User, email: str) -> None:
    """Send a link to the new address; nothing changes before it is opened there.

    Where somebody has that address already, nothing is sent and the answer is the same: it must not tell who is here.
    """
    email = email.strip().lower()
    audit(user, "profile.ask_email", user, after={"email": email})
    if User.objects.filter(email__iexact=email).exists():
        return
    word = signing.dumps([user.pk, user.email, email, _stamp(user)], salt=SALT)
    address = f"{settings.SITE_URL}/me/address/{word}/"
    text = _(
        "This address is to become the one with which %(old)s signs in to Watchkeeper.\n\n"
        "Open this link to confirm it:\n%(address)s\n\n"
        "It works for a day. If you did not ask for it, do nothing."
    ) % {"old": user.email, "address": address}
    mail.send(email, _("Confirm your address for Watchkeeper"), text)


def _stamp(user: User) -> str:
    """A new password makes the link worthless: it may have been set because somebody else asked."""
    return salted_hmac(SALT, f"{user.pk}{user.password}", algorithm="sha256").hexdigest()[:32]


def asked_address(word: str) -> tuple[User, str] | None:
    """Whose address is to become which, of a link that still works."""
    try:
        pk, old, new, stamp = signing.loads(word, salt=SALT, max_age=LINK_WORKS)
    except (signing.BadSignature, ValueError):
        return None
    user = User.objects.filter(pk=pk, email=old, is_active=True).first()
    return (user, new) if user and constant_time_compare(stamp, _stamp(user)) else None


@transaction.atomic
def change_address(user: User, email: str) -> None:
    """From now on they sign in with this one; the old one is told, in case it was not them."""
    email, old = email.strip().lower(), user.email
    if email == old:
        return
    taken = _("This address cannot be used. Choose another.")
    if User.objects.filter(email__iexact=email).exclude(pk=user.pk).exists():
        raise Conflict(taken, code="taken")
    try:
        with transaction.atomic():
            User.objects.filter(pk=user.pk).update(email=email)
    except IntegrityError as fault:
        raise Conflict(taken, code="taken") from fault
    # Otherwise a reset would still find them by the old one.
    EmailAddress.objects.filter(user=user).delete()
    user.email = email
    audit(user, "profile.change_email", user, before={"email": old}, after={"email": email})
    if mail.ready():
        text = _(
            "You sign in to Watchkeeper with %(new)s now, and no longer with this address.\n\n"
            "If that was not you, tell an admin of Watchkeeper at once."
        ) % {"new": email}
        transaction.on_commit(lambda: mail.send(old, _("Your address for Watchkeeper was changed"), text))
