"""Signing in and out. The other pages of allauth come when they have our look."""

from __future__ import annotations

from allauth.account import views
from django.urls import path
from django.views.generic import RedirectView

urlpatterns = [
    path("login/", views.login, name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("password/change/", views.password_change, name="account_change_password"),
    # allauth links here from the sign-in form; there is no open sign-up, and resets need mail that is set up.
    path("signup/", RedirectView.as_view(pattern_name="account_login"), name="account_signup"),
    path("password/reset/", RedirectView.as_view(pattern_name="account_login"), name="account_reset_password"),
]
