"""The pages of signing in: allauth's flows, our limits, and what they lack."""

from __future__ import annotations

from typing import Any

from allauth.account import views as allauth
from allauth.account.adapter import get_adapter
from allauth.mfa.base import views as factors
from allauth.mfa.totp import views as totp
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache

from accounts import entering, mail, sessions
from accounts.models import User
from accounts.second_factor import SHOWN
from accounts.sign_in import links
from accounts.sign_in.forms import Reset
from accounts.sign_in.waiting import told


def ways(request: HttpRequest) -> dict[str, Any]:
    """What the sign-in pages need to know: by what one gets in here."""
    following = str(request.GET.get("next") or request.POST.get("next") or "")
    return {
        "local": settings.LOCAL_LOGIN,
        "provider": settings.OIDC.name if settings.OIDC.issuer else "",
        "oidc_provider": settings.OIDC_PROVIDER,
        "following": following if following and get_adapter().is_safe_url(following) else "",
    }


class Login(allauth.LoginView):  # type: ignore[misc]
    """Password, or the provider, or both."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.LOCAL_LOGIN:
            raise PermissionDenied
        answer: HttpResponse = super().post(request, *args, **kwargs)
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        # Who waits for an invitation need not be told of the first start.
        first = not User.objects.exclude(last_login=None).exists()
        return {**super().get_context_data(**kwargs), **ways(self.request), "first": first, "out": self._out()}

    def _out(self) -> bool:
        return bool(settings.OIDC.issuer) and "out" in self.request.GET


class PasswordChange(allauth.PasswordChangeView):  # type: ignore[misc]
    """The present password counts as a try to sign in: a borrowed browser is no place to guess it."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user = request.user
        if isinstance(user, User) and not user.has_usable_password():
            return render(request, "account/no_password.html", {"mail": mail.ready(), **ways(request)})
        email = user.email if isinstance(user, User) and request.method == "POST" else ""
        if email and (limited := entering.begin(request, email)):
            return render(request, "429.html", {"wait": told(request, limited)}, status=429)
        answer: HttpResponse = super().dispatch(request, *args, **kwargs)
        return answer

    def form_valid(self, form: Any) -> HttpResponse:
        entering.proven(self.request, self.request.user)
        answer: HttpResponse = super().form_valid(form)
        return answer


class NewPassword(allauth.PasswordResetFromKeyView):  # type: ignore[misc]
    """From the letter's link; afterwards everybody who was signed in as this person is not any more."""

    success_url = reverse_lazy("account_login")

    def form_valid(self, form: Any) -> HttpResponse:
        answer: HttpResponse = super().form_valid(form)
        sessions.end_all(self.reset_user)
        return answer


@never_cache
def reset(request: HttpRequest) -> HttpResponse:
    """A letter to whoever has that address, and the same answer for everybody else."""
    form = Reset(request.POST or None)
    ready = mail.ready()
    if ready and form.is_valid():
        email = form.cleaned_data["email"].strip().lower()
        if limited := entering.reset(request, email):
            form.add_error(None, told(request, limited))
        else:
            links.send_reset(email)
            return redirect("account_reset_password_done")
    return render(request, "account/password_reset.html", {"form": form, "mail": ready, **ways(request)})


def reset_done(request: HttpRequest) -> HttpResponse:
    return render(request, "account/password_reset_done.html")


@never_cache
def way_in(request: HttpRequest, key: str) -> HttpResponse:
    """From the link of `sign_in_link`: once, for minutes, and only by a press of a button."""
    user = links.whose(key)
    if user is None:
        return render(request, "account/way_in.html", {"user_found": None}, status=404)
    if request.method == "POST":
        return links.enter(request, user)
    return render(request, "account/way_in.html", {"user_found": user})


class Code(factors.AuthenticateView):  # type: ignore[misc]
    """The second factor at sign-in."""

    def _build_forms(self) -> Any:
        if self.request.method == "POST" and "code" not in self.request.POST:
            # allauth would take this for a security key, which nobody has here.
            self.request.POST = self.request.POST.copy()
            self.request.POST["code"] = ""
        return super()._build_forms()


class SetUp(totp.ActivateTOTPView):  # type: ignore[misc]
    """From now on a password alone does not do: whoever signed in with one elsewhere does so anew."""

    def form_valid(self, form: Any) -> HttpResponse:
        answer: HttpResponse = super().form_valid(form)
        self.request.session[SHOWN] = True
        sessions.end_others(self.request.user, self.request.session.session_key)
        return answer


class SwitchOff(totp.DeactivateTOTPView):  # type: ignore[misc]
    """The adapter refuses where a second factor is asked for."""

    def form_valid(self, form: Any) -> HttpResponse:
        answer: HttpResponse = super().form_valid(form)
        self.request.session.pop(SHOWN, None)
        return answer


def away(request: HttpRequest) -> HttpResponse:
    """Where allauth links that we do not have."""
    return HttpResponseRedirect(str(reverse_lazy("account_login")))
