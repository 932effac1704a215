"""What django-allauth asks us."""

from __future__ import annotations

import time
from typing import Any, ClassVar
from urllib.parse import urlencode

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import entering, mail, second_factor
from accounts.models import User
from accounts.services import audit
from accounts.sign_in import outside
from accounts.sign_in.provider import strong
from accounts.sign_in.waiting import told
from core import sealed

RECENT = 300.0
BY_PROVIDER = "came by the provider"  # in the session: it can end its own
LETTERS = {
    "account/email/password_changed": gettext_lazy("Your password was changed"),
    "account/email/password_reset": gettext_lazy("Your password was changed"),
    "account/email/password_set": gettext_lazy("Your password was changed"),
    "mfa/email/totp_activated": gettext_lazy("A second factor was set up for you"),
    "mfa/email/totp_deactivated": gettext_lazy("Your second factor was switched off"),
    "mfa/email/recovery_codes_generated": gettext_lazy("New recovery codes were made for you"),
}
WHAT_TO_DO = gettext_lazy(
    "%(what)s at %(url)s, from %(address)s.\n\n"
    "If that was you, there is nothing to do. If not, set a new password at once and tell whoever runs Watchkeeper."
)


class InvitationOnly(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody makes an account by themselves; people are invited."""

    error_messages: ClassVar[dict[str, Any]] = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": gettext_lazy("This address and password do not fit together. Try again."),
        "incorrect_password": gettext_lazy("This is not your password. Try again."),
        "account_inactive": gettext_lazy("This account is disabled. Ask whoever runs Watchkeeper."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the try before it is judged."""
        if limited := entering.begin(request, str(credentials.get("email", ""))):
            raise ValidationError(told(request, limited))

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        entering.wrong(request, str(credentials.get("email", "")))

    def reauthenticate(self, user: User, password: str) -> bool:
        right = bool(super().reauthenticate(user, password))
        if right:
            entering.proven(context.request, user)
        return right

    def post_login(self, request: HttpRequest, user: User, **more: Any) -> HttpResponse:
        records = get_authentication_records(request, user)
        methods = sorted({str(record.get("type") or record["method"]) for record in records[-3:]})
        entering.entered(request, user, method=" and ".join(methods))
        came = (more.get("signal_kwargs") or {}).get("sociallogin")
        if came is not None and strong(came):
            request.session[second_factor.SHOWN] = True
        if came is not None:
            request.session[BY_PROVIDER] = bool(outside.sign_out_address())
        response: HttpResponse = super().post_login(request, user, **more)
        return response

    def logout(self, request: HttpRequest) -> None:
        if isinstance(request.user, User):
            entering.left(request, request.user)
        super().logout(request)

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        """Whoever came by a provider may still be signed in there: the page offers to end that too."""
        if request.session.get(BY_PROVIDER):
            return f"{reverse('account_login')}?out=1"
        return str(super().get_logout_redirect_url(request))

    def set_password(self, user: User, password: str) -> None:
        super().set_password(user, password)
        audit(user, "password.change", user)

    def is_reauthentication_required(self, *, app: str, **more: Any) -> bool:
        """Whoever signed in just now has shown who they are."""
        request = context.request
        shown = [float(record["at"]) for record in get_authentication_records(request, request.user)]
        if shown and time.time() - max(shown) <= RECENT:
            return False
        if not self.get_reauthentication_methods(request.user) and settings.OIDC.issuer:
            # Neither password nor second factor here: the provider asks.
            query = urlencode({"next": request.get_full_path()})
            raise ImmediateHttpResponse(HttpResponseRedirect(f"{reverse('oidc-again')}?{query}"))
        return True

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        methods = super().get_reauthentication_methods(user) if settings.LOCAL_LOGIN else _codes_alone(user)
        return list(methods)

    def send_notification_mail(self, template_prefix: str, user: User, *args: Any, **more: Any) -> None:
        what = LETTERS.get(template_prefix)
        if what and mail.ready():
            said = {"what": what, "url": settings.SITE_URL, "address": context.request.META.get("REMOTE_ADDR", "")}
            mail.send(user.email, str(what), str(WHAT_TO_DO) % said)


def _codes_alone(user: User) -> list[dict[str, Any]]:
    if not second_factor.has(user):
        return []
    return [{"id": "mfa_reauthenticate", "description": _("Use a code"), "url": reverse("mfa_reauthenticate")}]


class SealedFactors(DefaultMFAAdapter):  # type: ignore[misc]
    """Seeds of second factors at rest are sealed like other credentials."""

    def encrypt(self, text: str) -> str:
        return sealed.seal({"seed": text})

    def decrypt(self, encrypted_text: str) -> str:
        return str(sealed.open_(encrypted_text)["seed"])

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        return not second_factor.required(authenticator.user)
