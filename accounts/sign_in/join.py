"""The page behind an invitation: new people make their account, others sign in, and both join."""

from __future__ import annotations

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts import entering
from accounts.models import Invitation, User
from accounts.services import accept, audit, find_invitation, invitation_state
from accounts.sign_in.forms import Newcomer
from accounts.sign_in.views import ways
from accounts.sign_in.waiting import told
from core.clock import now
from core.errors import Conflict


@sensitive_post_parameters("password", "again")
@never_cache
def page(request: HttpRequest, token: str) -> HttpResponse:
    """Only whoever holds the link learns anything, and never whether its address has an account."""
    found = find_invitation(token)
    if found is None:
        told_ = {"state": "unknown"}
        if limited := entering.wrong_invitation(request):
            told_ = {"wait": told(request, limited)}
        return render(request, "account/invitation_closed.html", told_, status=404)
    state = invitation_state(found, now())
    if state != "waiting":
        return render(request, "account/invitation_closed.html", {"state": state, "invitation": found}, status=410)
    if isinstance(request.user, User):
        return _as(request, request.user, found)
    return _as_stranger(request, found)


def _as(request: HttpRequest, user: User, invitation: Invitation) -> HttpResponse:
    same = user.email.lower() == invitation.email.lower()
    if same and request.method == "POST":
        return _joined(request, invitation, user, redirect("/"))
    return render(request, "account/invitation.html", {"invitation": invitation, "same": same, **ways(request)})


def _as_stranger(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    form = Newcomer(request.POST if request.method == "POST" else None, invitation.email)
    if settings.LOCAL_LOGIN and form.is_valid():
        try:
            user = _make(invitation, form.cleaned_data["name"], form.cleaned_data["password"])
        except Conflict as fault:  # it closed while the page was open
            form.add_error(None, str(fault.detail))
        else:
            record_authentication(request, user, "password", email=user.email)
            response: HttpResponse = perform_login(request, Login(user=user, email=user.email))
            _welcome(request, invitation)
            return response
    told = {"invitation": invitation, "form": form, "here": request.path, **ways(request)}
    return render(request, "account/invitation.html", told)


def _make(invitation: Invitation, name: str, password: str) -> User:
    """The account and its place in the team, both or neither; an address that is taken costs the same work."""
    email = invitation.email.lower()
    taken = _("No new account can be made for this address. If you have one here already, sign in with it.")
    if User.objects.filter(email=email).exists():
        make_password(password)
        raise Conflict(taken)
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password, first_name=name)
            audit(user, "user.create", user, after={"team": invitation.team.name})
            accept(invitation, user)
    except IntegrityError as fault:  # twice at the same moment
        raise Conflict(taken) from fault
    return user


def _joined(request: HttpRequest, invitation: Invitation, user: User, response: HttpResponse) -> HttpResponse:
    try:
        accept(invitation, user)
    except Conflict as fault:  # it closed while the page was open
        messages.error(request, str(fault.detail))
    else:
        _welcome(request, invitation)
    return response


def _welcome(request: HttpRequest, invitation: Invitation) -> None:
    messages.success(request, _("You are in the team %(team)s now.") % {"team": invitation.team.name})
