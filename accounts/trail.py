"""The audit trail: who changed what, how it was before, over what and from where; secrets never stand in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder

from accounts.models import ApiToken, Audit, Membership, Team, User

_SECRET = re.compile(r"pass(word|phrase|code)|secret|digest|sealed|credential|authorization|recovery|cookie|private")
_HANDED_OUT = re.compile(r"\bwk[a-z]_[0-9a-f]{16}\.\S+")
LONGEST = 2000
PRODUCT, SOMEBODY = "Watchkeeper", "Somebody"
BY_SOMEBODY = {"limit.begin", "password.ask", "second_factor.wrong", "session.refuse", "sign_in.wrong"}
"""What a person did whom nobody knows, or who did not prove who they are; all else without one the product did."""


@dataclass(frozen=True)
class Origin:
    """Over what a request came, and from where."""

    over: str = ""
    address: str | None = None


NOWHERE = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=NOWHERE)


@contextmanager
def over(name: str, address: str | None = None) -> Iterator[None]:
    """Whatever is written down inside came over this, such as "Slack" or "mail link"."""
    before = _origin.get()
    token = _origin.set(Origin(name[:100], address or before.address))
    try:
        yield
    finally:
        _origin.reset(token)


def came_over(name: str) -> None:
    """The request turned out to come over this; it holds to the end of the request."""
    _origin.set(replace(_origin.get(), over=name[:100]))


def origin() -> Origin:
    return _origin.get()


def audit(
    by: User | None,
    action: str,
    target: Any,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Write down who changed what, in the transaction of the change; `None` is the product or somebody unknown.

    Of what was before and is after only the difference is kept; a change that changes nothing leaves no row.
    """
    told = differences(before or {}, after or {})
    if before and after and not any(told):
        return
    came = origin()
    Audit.objects.create(
        team_id=_team_of(target),
        user=by,
        actor=by.email if by else SOMEBODY if action in BY_SOMEBODY else PRODUCT,
        action=action,
        target=_HANDED_OUT.sub("…", str(target))[:200],
        target_id=str(getattr(target, "uuid", "")),
        before=told[0],
        after=told[1],
        over=came.over,
        address=came.address,
    )


def _team_of(target: Any) -> int | None:
    if isinstance(target, Team):
        return target.pk
    return only_team(target.user_id) if isinstance(target, ApiToken) else getattr(target, "team_id", None)


def only_team(user: int | None) -> int | None:
    """Of somebody who works in one team its admins may read who came and went, and what opens it."""
    teams = list(Membership.objects.filter(user=user or 0).values_list("team_id", flat=True)[:2])
    return teams[0] if len(teams) == 1 else None


def differences(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both sides of the fields that changed, as plain JSON and without secrets."""
    one, other = _plain(before), _plain(after)
    same = {name for name in one.keys() & other.keys() if one[name] == other[name]}
    return (
        {name: _hidden(name, value) for name, value in one.items() if name not in same},
        {name: _hidden(name, value, anew=name in one) for name, value in other.items() if name not in same},
    )


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(values, cls=_Encoder))
    return plain


class _Encoder(DjangoJSONEncoder):
    def default(self, o: Any) -> Any:
        if isinstance(o, datetime):
            return o.isoformat(timespec="seconds")
        if isinstance(o, UUID) or not hasattr(o, "__iter__"):
            try:
                return super().default(o)
            except TypeError:
                return str(o)
        return list(o)


def _hidden(name: str, value: Any, *, anew: bool = False) -> Any:
    if _SECRET.search(name.lower()) and not isinstance(value, bool) and value not in ("set", "changed", None, ""):
        return "changed" if anew else "set"
    if isinstance(value, dict):
        return {inner: _hidden(inner, deeper) for inner, deeper in value.items()}
    if isinstance(value, list):
        return [_hidden("", one) for one in value[:200]]
    if isinstance(value, str):
        return _HANDED_OUT.sub("…", value)[:LONGEST]
    return value
