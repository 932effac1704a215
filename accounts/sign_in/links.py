"""Links that let one person in: to a new password by letter, and for who runs the place, in by hand."""

from __future__ import annotations

from allauth.account import app_settings
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts import entering, mail
from accounts.models import User

SALT = "watchkeeper way in"
MINUTES = 10


def password_link(user: User) -> str:
    """Good for an hour, until the password changes or somebody signs in as this person."""
    key = app_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)
    place = {"uidb36": user_pk_to_url_str(user), "key": key}
    # The address of the settings, never the one a stranger wrote into the request's Host.
    return settings.SITE_URL + reverse("account_reset_password_from_key", kwargs=place)


def send_reset(email: str) -> None:
    """The same work for everybody; only the letter differs, and nobody waits for it."""
    user = User.objects.filter(email=email, is_active=True).first()
    link = password_link(user or User(pk=0, email=email, password="!"))  # noqa: S106 - nobody's
    entering.asked_for_reset(user, email)
    if user is None:
        return
    with override(user.language or None):
        text = _(
            "Somebody asked for a new password for %(email)s at Watchkeeper.\n\n"
            "Set it here within an hour:\n\n%(link)s\n\n"
            "If that was not you, there is nothing to do: your password stays as it is."
        )
        mail.send(user.email, _("A new password for Watchkeeper"), text % {"email": user.email, "link": link})


def way_in(user: User) -> str:
    return settings.SITE_URL + reverse("way-in", args=[signing.dumps([str(user.uuid), _stamp(user)], salt=SALT)])


def _stamp(user: User) -> str:
    """Signing in, or a new password, makes a link worthless."""
    return salted_hmac(SALT, f"{user.pk}{user.password}{user.last_login}", algorithm="sha256").hexdigest()


def whose(key: str) -> User | None:
    try:
        uuid, stamp = signing.loads(key, salt=SALT, max_age=MINUTES * 60)
    except (signing.BadSignature, ValueError):
        return None
    user = User.objects.filter(uuid=uuid, is_active=True).first()
    return user if user and constant_time_compare(stamp, _stamp(user)) else None


def enter(request: HttpRequest, user: User) -> HttpResponse:
    """A second factor is asked for all the same."""
    record_authentication(request, user, "link")
    response: HttpResponse = perform_login(request, Login(user=user))
    return response
