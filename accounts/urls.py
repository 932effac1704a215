"""Signing in and out, and what belongs to it. Of allauth's pages only those with our look are mounted."""

from __future__ import annotations

from allauth.account import views as allauth
from allauth.mfa.base import views as factors
from allauth.mfa.recovery_codes import views as codes
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.urls import include, path, re_path

from accounts.sign_in import views

# Where people sign in by a provider alone there is no password to change, forget or ask for.
passwords = [
    path("reauthenticate/", login_required(allauth.reauthenticate), name="account_reauthenticate"),
    path("password/change/", views.PasswordChange.as_view(), name="account_change_password"),
    path("password/reset/", views.reset, name="account_reset_password"),
    path("password/reset/done/", views.reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        views.NewPassword.as_view(),
        name="account_reset_password_from_key",
    ),
]
second_factor = [
    path("", factors.index, name="mfa_index"),
    path("authenticate/", views.Code.as_view(), name="mfa_authenticate"),
    path("reauthenticate/", factors.reauthenticate, name="mfa_reauthenticate"),
    path("totp/activate/", login_required(views.SetUp.as_view()), name="mfa_activate_totp"),
    path("totp/deactivate/", login_required(views.SwitchOff.as_view()), name="mfa_deactivate_totp"),
    path("codes/", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("codes/new/", login_required(codes.generate_recovery_codes), name="mfa_generate_recovery_codes"),
    path("codes/file/", codes.download_recovery_codes, name="mfa_download_recovery_codes"),
]
urlpatterns = [
    path("login/", views.Login.as_view(), name="account_login"),
    path("logout/", allauth.logout, name="account_logout"),
    path("inactive/", allauth.account_inactive, name="account_inactive"),
    path("way-in/<str:key>/", views.way_in, name="way-in"),
    path("2fa/", include(second_factor)),
    *(passwords if settings.LOCAL_LOGIN else []),
    *([path("oidc/", include("accounts.sign_in.oidc"))] if settings.OIDC.issuer else []),
]
