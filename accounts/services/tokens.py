"""API tokens: what they may open, how they are made, and how they end."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.base import MANAGE
from accounts.models import ApiToken, Membership, User
from accounts.trail import audit
from core import tokens
from core.clock import now
from core.selector import Unreadable, parse

LONGEST_SELECTOR = 500  # of a role or a token
RESOURCES = (
    "servers", "series", "live", "rules", "channels", "incidents", "notices", "metrics", "chains", "schedules",
    "people", "silences", "checks", "limits", "teams", "tokens", "audit", "search", "views",
    "reports", "anomalies", "models", "forecasts",
)  # fmt: skip


class WrongScopes(ValueError):
    """A scope that no address asks for would make a token that opens nothing."""


class WrongToken(ValueError):
    """What is wished for would make a token that opens nothing; says what to write instead."""


def make_token(
    user: User, name: str, scopes: list[str], *, selector: str = "", expires: datetime | None = None
) -> str:
    """A token that acts as this user; its clear text is seen here and never again."""
    check_selector(selector)
    if expires is not None and expires <= now():
        raise WrongToken("This time is over. Give one that is to come, or none: the token then never expires.")
    known = {"all", *(f"{resource}:{verb}" for resource in RESOURCES for verb in ("read", "write"))}
    wrong = sorted(set(scopes) - known)
    if wrong or not scopes:
        raise WrongScopes(
            f"{', '.join(wrong) or 'No scope'} is not known. Write all, or some of "
            f"{', '.join(f'{resource}:read, {resource}:write' for resource in RESOURCES)}."
        )
    token = tokens.make("wkt")
    ApiToken.objects.create(
        user=user, name=name, key=token.key, digest=token.digest, scopes=scopes, selector=selector, expires_at=expires
    )
    return token.clear


def check_selector(text: str) -> None:
    """Unreadable says what is wrong with the selector of a role, an invitation or a token."""
    if len(text) > LONGEST_SELECTOR:
        said = _("A selector may be %(most)d characters long; this one has %(length)d.")
        raise Unreadable(said % {"most": LONGEST_SELECTOR, "length": len(text)})
    parse(text)


@transaction.atomic
def give_token(
    user: User, name: str, scopes: list[str], *, selector: str = "", expires: datetime | None = None
) -> tuple[ApiToken, str]:
    """A token that its person makes for themselves, with its line in the trail; the clear text is seen once."""
    clear = make_token(user, name, scopes, selector=selector.strip(), expires=expires)
    token = ApiToken.objects.get(user=user, key=clear[4:20])
    after = {"name": name, "scopes": scopes, "selector": token.selector, "expires_at": expires}
    audit(user, "token.make", token, after=after)
    return token, clear


@transaction.atomic
def revoke_token(token: ApiToken, *, by: User) -> None:
    """It opens nothing any more; doing it twice changes nothing."""
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now()):
        audit(by, "token.revoke", token, before={"name": token.name, "user": token.user.email})


def tokens_of_members(user: User) -> QuerySet[ApiToken]:
    """Those that work, of the members of teams that this person manages: to see whose there are, and to end them."""
    members = Membership.objects.visible_to(user, MANAGE).values("user")
    return ApiToken.objects.filter(user__in=members, revoked_at=None).select_related("user")
