"""How a request proves who it is, and what its view declares that this takes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, MethodNotAllowed, PermissionDenied
from rest_framework.pagination import PageNumberPagination
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts import missing, second_factor
from accounts.base import TeamOwned
from accounts.models import ApiToken, Team, User
from accounts.named import TeamField, called, no_team, team_called
from accounts.roles import LOOK
from accounts.tally import paced, strangers
from accounts.trail import came_over
from accounts.unseen import Unseen
from core import tokens
from core.clock import now
from core.errors import Failure
from core.prepared import Prepared

if TYPE_CHECKING:
    from rest_framework.views import APIView  # at run time DRF is only half loaded when it asks for us

__all__ = [
    "ApiTokenAuthentication", "Declared", "InPerson", "PageSession", "Pages", "TeamField", "Unseen", "called",
    "find_token", "lacks_second_factor", "me", "missing", "no_team", "team_called",
]  # fmt: skip

USED_EVERY = timedelta(minutes=1)
REFUSED = "This token is not valid: it is unknown, expired or revoked. Make a new one under My profile, API tokens."


def me(request: HttpRequest | Request) -> User:
    """Who asks, where only those who are signed in come so far."""
    return cast("User", request.user)


class ApiTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer wkt_…` acts as the token's user."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        kind, _space, clear = get_authorization_header(request).decode("latin-1").partition(" ")
        if kind.lower() != "bearer" or not clear.startswith("wkt_"):
            return None
        address, clear = str(request.META.get("REMOTE_ADDR", "")), clear.strip()
        key = clear[4:20]
        if (limited := strangers.waiting("api_token", address)) and not strangers.was_right(key):
            raise limited.failure()
        token = find_token(clear)
        if token is None:
            if limited := strangers.wrong("api_token", address):
                raise limited.failure()
            raise AuthenticationFailed(REFUSED, code="unauthorized")
        strangers.right(key)
        if limited := paced(key):
            raise limited.failure()
        came_over(f'token "{token.name}"')
        token.user.within = token.selector
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def find_token(clear: str) -> ApiToken | None:
    parts = tokens.split(clear, "wkt")
    if parts is None:
        return None
    key, digest = parts
    token = _of_key(key)
    at = now()
    dead = token is None or token.revoked_at or (token.expires_at and token.expires_at < at)
    if token is None or dead or not tokens.same(token.digest, digest) or not token.user.is_active:
        return None
    if token.used_at is None or at - token.used_at > USED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(used_at=at)
    return token


def _fields(model: type[Model], path: str = "") -> list[str]:
    return [f"{path}{field.attname}" for field in model._meta.concrete_fields]


_TOKEN, _USER = _fields(ApiToken), _fields(User)
_row_of = Prepared(lambda key: ApiToken.objects.filter(key=key).values_list(*_TOKEN, *_fields(User, "user__")))


def _of_key(key: str) -> ApiToken | None:
    """With its user; read anew for each request, so that what was revoked or taken away ends with it."""
    for row in _row_of(key):
        token = ApiToken.from_db(DEFAULT_DB_ALIAS, _TOKEN, row[: len(_TOKEN)])
        token.user = User.from_db(DEFAULT_DB_ALIAS, _USER, row[len(_TOKEN) :])
        return token
    return None


class PageSession(SessionAuthentication):
    """The browser's own session, with its CSRF check; strangers get 401, not 403."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found: tuple[Any, Any] | None = super().authenticate(request)
        if found:
            came_over("page")  # whoever signed in pressed it there, though the page asks the API
        return found

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class InPerson(PermissionDenied):
    """A stolen token must not make more of itself."""

    default_detail = "No token may do this: sign in and do it in the browser, or with the session of one."
    default_code = "session_needed"


class Declared(BasePermission):
    """A view says by `resource` and `verbs` what it takes; a view that says nothing lets nobody in.

    `in_person` names methods that take a session and never a token; `of_servers` says that whoever is narrowed to
    some servers may do to those what the verb says, for its questions start at servers; `own` is of the person alone,
    member of a team or not.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        if not user.is_authenticated:
            return False
        verb = self.verb(request, view)
        if verb is None:
            raise _unknown_or_undeclared(request, view)
        token = request.auth
        if isinstance(token, ApiToken):
            write = request.method not in SAFE_METHODS
            if not token.allows(str(getattr(view, "resource", "")), write=write):
                raise missing.scope(str(getattr(view, "resource", "")), write=write)
            if ("GET" if request.method == "HEAD" else request.method) in getattr(view, "in_person", ()):
                raise InPerson
        if getattr(view, "own", False) or user.may(verb, some=getattr(view, "of_servers", False)):
            return True
        raise missing.role(user, verb)

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        """What was found may be looked at; more is asked anew, for it may be of another team or out of reach."""
        verb, user = self.verb(request, view), me(request)
        if verb is None:
            return False
        rows = type(obj)._default_manager.all() if isinstance(obj, Model) else None
        team = getattr(obj, "team", None)
        if isinstance(rows, TeamOwned) and verb != LOOK:
            may = rows.visible_to(user, verb).filter(pk=obj.pk).exists()
        else:
            may = user.may(verb, team)
        if may:
            return True
        raise missing.role(user, verb, obj if isinstance(obj, Team) else team)

    def verb(self, request: Request, view: APIView) -> str | None:
        verbs: dict[str, str] = getattr(view, "verbs", {})
        if request.method in {"HEAD", "OPTIONS"}:
            return verbs.get("GET", LOOK)
        return verbs.get(getattr(view, "action", None) or "", verbs.get(request.method or ""))


def _unknown_or_undeclared(request: Request, view: APIView) -> PermissionDenied | MethodNotAllowed:
    """What an address does not know at all is no question of rights."""
    known = hasattr(view, str(request.method).lower())
    return PermissionDenied() if known else MethodNotAllowed(str(request.method))


class Pages(PageNumberPagination):
    """Every list is paged."""

    page_size = 100
    page_size_query_param = "size"
    max_page_size = 1000

    def get_page_number(self, request: Request, paginator: Any) -> int | str:
        """A word that is no number of a page is a wrong request; a page behind the last is not there."""
        asked = str(super().get_page_number(request, paginator))
        number = paginator.num_pages if asked in self.last_page_strings else _whole(asked)
        if number < 1:
            raise Failure(_("`page` is a number from 1 on."), code="bad_page")
        if number > paginator.num_pages:
            detail = _("There is no page %(number)d: the last one is %(last)d.")
            raise Failure(detail % {"number": number, "last": paginator.num_pages}, code="not_found", status=404)
        return number


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 12 else 0


def lacks_second_factor(user: User, session: Any) -> bool:
    """Whether this browser may show nothing yet, as a second factor is asked for and there is none."""
    return second_factor.lacking(user, session)
