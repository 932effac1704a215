"""The servers whose numbers a person may see, asked anew each time: a role that ended a moment ago shows nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from accounts.base import narrow
from accounts.models import User
from core.prepared import Prepared, Row
from metrics.tiers import ASKED_AT_ONCE
from servers.models import Server, ServerQuerySet

Person = User | AnonymousUser


def one(user: Person, uuid: UUID) -> int | None:
    found = _ask(_by_uuid, user, uuid)
    return found[0][0] if found else None


def all_of(user: Person) -> list[int]:
    """Their numbers, in order."""
    return sorted(number for (number,) in _ask(_numbers, user))


def named(user: Person, numbers: Sequence[int]) -> list[Row]:
    """Number, id and name of those among these."""
    found = []
    for place in range(0, len(numbers), ASKED_AT_ONCE):
        found += _ask(_names, user, numbers[place : place + ASKED_AT_ONCE])
    return found


def _by_uuid(servers: ServerQuerySet, uuid: Any) -> QuerySet[Server, Row]:
    return servers.filter(uuid=uuid).values_list("pk")  # a check that stands alone has series as well


def _numbers(servers: ServerQuerySet) -> QuerySet[Server, Row]:
    return servers.watched().values_list("pk")


def _names(servers: ServerQuerySet, numbers: Any) -> QuerySet[Server, Row]:
    return servers.watched().filter(pk__in=numbers).values_list("pk", "uuid", "name")


def _ask(question: Callable[..., QuerySet[Server, Row]], user: Person, *asked: Any) -> list[Row]:
    if isinstance(user, AnonymousUser):
        return []
    if narrow.concerns(user):
        return list(question(_of(user), *asked))
    kind = (user.is_active, user.is_superuser)
    return _prepared(question, kind)(user.pk, *asked) if not user.is_superuser else _prepared(question, kind)(*asked)


@cache
def _prepared(question: Callable[..., QuerySet[Server, Row]], kind: tuple[bool, bool]) -> Prepared:
    """Of whoever is not narrowed, `visible_to` looks at these two and at the number, no further."""
    active, owner = kind
    if owner:
        return Prepared(lambda *asked: question(_of(User(is_active=active, is_superuser=True)), *asked))
    return Prepared(lambda user, *asked: question(_of(User(pk=user, is_active=active)), *asked))


def _of(user: User) -> ServerQuerySet:
    return Server.objects.carrying(user)
