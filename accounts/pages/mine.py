"""One's own pages: profile, address, tokens and sessions."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import again, mail, services, sessions
from accounts.auth import me
from accounts.models import ApiToken, Membership
from accounts.pages.base import show, tried
from accounts.pages.forms import AddressForm, ProfileForm, TokenForm
from core.pages import page


@page
def profile(request: HttpRequest) -> HttpResponse:
    form = ProfileForm(request.POST or None, instance=me(request))
    if request.method == "POST" and form.is_valid():
        services.change_profile(me(request), form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("me")
    members = Membership.objects.visible_to(me(request)).filter(user=me(request)).select_related("team")
    context: dict[str, Any] = {"form": form, "members": members.order_by("team__name")}
    return show(request, "profile", "profile", **context)


@page
def address(request: HttpRequest) -> HttpResponse:
    """Another address to sign in with: confirmed by mail, or by the password where no mail is set up."""
    form = AddressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _address(request, form.cleaned_data["email"])
    return show(request, "address", "profile", form=form, by_mail=mail.ready())


@again.required
def _address(request: HttpRequest, email: str) -> HttpResponse:
    if mail.ready():
        services.ask_for_address(me(request), email)
        text = _("We sent a link to %(email)s. The address changes when you open it.") % {"email": email}
        messages.success(request, text)
        return redirect("me")
    done = _("You sign in with %(email)s from now on.") % {"email": email}
    changed = tried(request, lambda: services.change_address(me(request), email), done)
    return redirect("me" if changed else "my-address")


@require_http_methods(["GET", "HEAD", "POST"])
def confirm_address(request: HttpRequest, word: str) -> HttpResponse:
    """Behind the link of the mail: looking changes nothing, for mail scanners open every link; the button does."""
    found = services.asked_address(word)
    if found is None:
        return show(request, "address_confirm", "profile", status=410, dead=True)
    user, email = found
    if request.method == "POST":
        done = _("You sign in with %(email)s from now on.") % {"email": email}
        tried(request, lambda: services.change_address(user, email), done)
        return redirect("me")
    return show(request, "address_confirm", "profile", email=email, old=user.email)


@page
def tokens(request: HttpRequest) -> HttpResponse:
    """One's own tokens; a new one is shown once, in the answer that made it."""
    if request.method == "POST" and "revoke" in request.POST:
        return _revoke(request)
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _make_token(request, form)
    return _tokens(request, form)


@again.required
def _make_token(request: HttpRequest, form: TokenForm) -> HttpResponse:
    given = form.cleaned_data
    try:
        token, clear = services.give_token(
            me(request), given["name"], form.chosen(), selector=given["selector"], expires=form.expires()
        )
    except ValueError as fault:
        form.add_error(None, str(fault))
        return _tokens(request, form)
    return _tokens(request, TokenForm(), made=token, clear=clear)


def _tokens(request: HttpRequest, form: TokenForm, **more: Any) -> HttpResponse:
    mine = ApiToken.objects.visible_to(me(request)).filter(user=me(request), revoked_at=None).order_by("-pk")
    ticked = set(form["scopes"].value() or [])
    resources = [
        {"name": name, "read": f"{name}:read" in ticked, "write": f"{name}:write" in ticked}
        for name in services.RESOURCES
    ]
    return show(request, "tokens", "tokens", form=form, tokens=mine, resources=resources, **more)


def _revoke(request: HttpRequest) -> HttpResponse:
    mine = ApiToken.objects.visible_to(me(request)).filter(user=me(request))
    for token in mine.select_related("user"):
        if str(token.uuid) == request.POST["revoke"]:
            done = _("The token %(name)s opens nothing any more.") % {"name": token.name}
            tried(request, partial(services.revoke_token, token, by=me(request)), done)
    return redirect("my-tokens")


@page
def my_sessions(request: HttpRequest) -> HttpResponse:
    """Where one is signed in; each can be ended, or all but this one."""
    here = request.session.session_key
    mine = sessions.of(me(request))
    if request.method == "POST":
        ended = [one for one in mine if one.key != here and request.POST.get("end") in {"others", str(one.uuid)}]
        for one in ended:
            sessions.end(one)
            services.audit(me(request), "session.end", one, before={"browser": one.browser, "address": one.address})
        messages.success(request, _("Signed out there."))
        return redirect("my-sessions")
    return show(request, "sessions", "sessions", sessions=mine, here=here, others=len(mine) > 1)
