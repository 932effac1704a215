"""Forms of signing in that differ from allauth's."""

from __future__ import annotations

from typing import Any

from allauth.core import context
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.mfa.utils import decrypt
from django import forms
from django.contrib import messages
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import entering, limits
from accounts.models import User
from accounts.second_factor import SHOWN
from accounts.services import audit
from accounts.sign_in.waiting import told
from core.locking import locked

FEW = 3
TYPES = (Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES)


@transaction.atomic
def is_right(authenticator: Authenticator, code: str) -> bool:
    """Each code once: the last one used is kept in the row, so that all processes know it."""
    if authenticator.type != Authenticator.Type.TOTP:
        return bool(authenticator.wrap().validate_code(code))
    row = locked(Authenticator.objects).get(pk=authenticator.pk)
    secret, last = decrypt(row.data["secret"]), row.data.get("last_counter", 0)
    for counter in yield_hotp_counters_from_time():
        right = compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, counter)))
        if right and counter > last:
            row.data["last_counter"] = counter
            row.save(update_fields=["data"])
            return True
    return False


class _Counted:
    """A code of the app or a recovery code; each try counts before it is judged."""

    user: User
    cleaned_data: dict[str, Any]

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if limited := entering.second_factor(context.request, self.user):
            raise ValidationError(told(context.request, limited))
        for authenticator in Authenticator.objects.filter(user=self.user, type__in=TYPES):
            if is_right(authenticator, code):
                authenticator.user = self.user
                self.authenticator = authenticator
                return code
        entering.wrong_factor(context.request, self.user)
        raise ValidationError(_("This code is not right, or it was used already. Wait for the next one."))

    def save(self) -> None:
        super().save()  # type: ignore[misc]
        request = context.request
        request.session[SHOWN] = True
        if self.authenticator.type == Authenticator.Type.RECOVERY_CODES:
            self.authenticator.refresh_from_db()
            audit(self.user, "recovery_code.use", self.user)
            messages.warning(request, _left(len(self.authenticator.wrap().get_unused_codes())))


def _left(count: int) -> str:
    if not count:
        return _("That was your last recovery code. Make new ones under Password and second factor.")
    told = ngettext("%(n)d recovery code is left.", "%(n)d recovery codes are left.", count) % {"n": count}
    return f"{told} {_('Make new ones soon.')}" if count <= FEW else told


class SecondFactor(_Counted, AuthenticateForm):  # type: ignore[misc]
    """At sign-in."""


class SecondFactorAgain(_Counted, ReauthenticateForm):  # type: ignore[misc]
    """Before a sensitive act."""

    def save(self) -> None:
        super().save()
        limits.forget("second_factor", entering.factor_subject(context.request, self.user))


class Reset(forms.Form):
    """Where the letter goes, if anybody is there."""

    email = forms.EmailField(
        label=gettext_lazy("Email"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


class Newcomer(forms.Form):
    """Who joins: a name to be called by, and a password."""

    name = forms.CharField(
        label=gettext_lazy("Your name"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=gettext_lazy("Password again"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, data: Any, email: str) -> None:
        super().__init__(data)
        self.email = email

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        password = said.get("password")
        if password and password != said.get("again"):
            self.add_error("again", _("The two passwords differ."))
        if password:
            try:
                validate_password(password, User(email=self.email, first_name=said.get("name", "")))
            except ValidationError as fault:
                self.add_error("password", fault)
        return said
