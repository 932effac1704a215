"""Signing in by a provider outside: who they are to us, or why they may not in."""

from __future__ import annotations

from typing import Any

import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import render
from django.utils.translation import gettext as _

from accounts.models import Invitation, Membership, Team, User
from accounts.services import accept, audit, follow_groups
from accounts.sign_in import outside
from core.clock import now

STRONG = {"mfa", "otp", "hwk", "swk", "fpt", "face"}  # RFC 8176: more than a password


class Outside(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Known by the provider's own name for them, else by an address that the provider vouches for."""

    def get_requests_session(self) -> requests.Session:
        return outside.session()

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        if sociallogin.state.get("process") != "login" or not _one_person(sociallogin):
            raise _refused(request, _("The answer of the sign-in service does not fit what was asked. Try again."))
        if sociallogin.is_existing:
            _follow(sociallogin.user, sociallogin)
            return
        email = vouched(sociallogin)
        if not email:
            raise _refused(
                request,
                _("The sign-in service does not vouch for your e-mail address. Confirm it there, then try again."),
            )
        if _welcomed(request, sociallogin, email) is None:
            audit(None, "session.refuse", email, after={"why": "no account and no invitation"})
            raise _refused(
                request,
                _("%(email)s has no place here yet. Ask an admin of your team for an invitation to that address.")
                % {"email": email},
            )


@transaction.atomic
def _welcomed(request: HttpRequest, sociallogin: SocialLogin, email: str) -> User | None:
    """Account, connection and roles in one step: no other request meets somebody with half of them."""
    user = User.objects.filter(email=email).first() or _newcomer(sociallogin, email)
    if user is not None:
        sociallogin.connect(request, user)
        audit(user, "provider.connect", user, after={"provider": settings.OIDC.issuer})
        _follow(user, sociallogin)
    return user


def claims(sociallogin: SocialLogin) -> dict[str, Any]:
    said = sociallogin.account.extra_data
    return {**(said.get("id_token") or {}), **(said.get("userinfo") or {})}


def _one_person(sociallogin: SocialLogin) -> bool:
    """OpenID Connect 5.3.2: what is told of the person must be of the person whom the token names."""
    said = sociallogin.account.extra_data
    subjects = {part["sub"] for part in (said.get("id_token"), said.get("userinfo")) if part}
    return len(subjects) == 1


def vouched(sociallogin: SocialLogin) -> str:
    """The address, when the provider says that it is theirs; some providers send the word instead of the value."""
    said = claims(sociallogin)
    sure = said.get("email_verified") in (True, "true") or settings.OIDC.trust_email
    email = said.get("email") or ""
    return str(email).strip().lower() if sure and "@" in str(email) else ""


def roles(sociallogin: SocialLogin) -> dict[str, str]:
    """The role by team that their groups give; of two for one team the first that is set counts."""
    said: Any = claims(sociallogin)
    name = settings.OIDC.groups_claim
    for part in [name] if name in said else name.split("."):
        said = said.get(part) if isinstance(said, dict) else None
    held = {said} if isinstance(said, str) else {str(one) for one in said} if isinstance(said, list) else set()
    return {team: role for group, team, role in reversed(settings.OIDC.groups) if group in held}


def _follow(user: User, sociallogin: SocialLogin) -> None:
    if settings.OIDC.groups:
        follow_groups(user, roles(sociallogin))


def strong(sociallogin: SocialLogin) -> bool:
    """Whether the provider says that they showed more than a password."""
    methods = claims(sociallogin).get("amr")
    return isinstance(methods, list) and bool(STRONG & {str(method) for method in methods})


def _newcomer(sociallogin: SocialLogin, email: str) -> User | None:
    """Whoever was invited to that address, or whoever the provider knows where a team takes them all."""
    waiting = Invitation.objects.filter(email__iexact=email, accepted_at=None, revoked_at=None, expires_at__gt=now())
    invited = list(waiting.select_related("team"))
    team = Team.objects.filter(name=settings.OIDC.team).first() if settings.OIDC.team else None
    if not invited and team is None and not roles(sociallogin):
        return None
    name = str(claims(sociallogin).get("name") or "")[:150]
    user = User.objects.create_user(email, None, first_name=name)
    audit(user, "user.create", user, after={"provider": settings.OIDC.issuer})
    for invitation in invited:
        accept(invitation, user)
    if team is not None and not invited and team.name not in roles(sociallogin):  # else its groups say the role
        member = Membership.objects.create(team=team, user=user, role=settings.OIDC.role)
        audit(user, "member.add", member, after={"team": team.name, "role": member.role})
    return user


def _refused(request: HttpRequest, why: str) -> ImmediateHttpResponse:
    return ImmediateHttpResponse(render(request, "socialaccount/refused.html", {"why": why}, status=403))
