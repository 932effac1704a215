"""To the provider and back: allauth's flow, with a sentence where the provider does not answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from urllib.parse import urlencode, urlsplit

import requests
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect import views
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.sign_in import outside
from accounts.sign_in.views import ways

log = logging.getLogger(__name__)
View = Callable[[HttpRequest, str], HttpResponse]


def answering(view: View) -> View:
    """A provider that is away, or answers nonsense, is no fault of ours and no reason for a page of faults."""

    @wraps(view)
    def inner(request: HttpRequest, provider_id: str) -> HttpResponse:
        try:
            return view(request, provider_id)
        except (requests.RequestException, OAuth2Error, KeyError, ValueError, TypeError) as fault:
            log.warning("The sign-in service did not answer as it should: %s: %s", type(fault).__name__, fault)
            return render(request, "socialaccount/authentication_error.html", {"away": True}, status=502)

    return inner


@require_POST
@never_cache
@answering
def begin(request: HttpRequest, provider_id: str) -> HttpResponse:
    """The provider knows one address of ours: whoever came by another goes on from there."""
    if request.get_host() != urlsplit(settings.SITE_URL).netloc:
        query = urlencode({"next": ways(request)["following"] or "/"})
        return HttpResponseRedirect(f"{_home()}?{query}")
    response: HttpResponse = views.login(request, provider_id)
    return response


@require_GET
@never_cache
@answering
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    response: HttpResponse = views.callback(request, provider_id)
    return response


@require_GET
def again(request: HttpRequest) -> HttpResponse:
    """Before a sensitive act of somebody who has neither password nor second factor here."""
    if not request.user.is_authenticated:
        return redirect("account_login")
    return render(request, "socialaccount/again.html", ways(request))


@require_GET
@never_cache
def out(request: HttpRequest) -> HttpResponse:
    """On to where the provider ends its own session, and back here."""
    address = outside.sign_out_address()
    if not address:
        return redirect("account_login")
    back = {"client_id": settings.OIDC.client_id, "post_logout_redirect_uri": _home()}
    return HttpResponseRedirect(f"{address}{'&' if '?' in address else '?'}{urlencode(back)}")


def _home() -> str:
    return f"{settings.SITE_URL}{reverse('account_login')}"


def cancelled(request: HttpRequest) -> HttpResponse:
    return render(request, "socialaccount/authentication_error.html", {"cancelled": True})


_provider = {"provider_id": settings.OIDC_PROVIDER}
urlpatterns = [
    path("begin/", begin, _provider, name="openid_connect_login"),
    path("callback/", callback, _provider, name="openid_connect_callback"),
    path("again/", again, name="oidc-again"),
    path("out/", out, name="oidc-out"),
    path("cancelled/", cancelled, name="socialaccount_login_cancelled"),
]
