"""Roles and tokens that reach some servers only: who has such a one, and which servers its selector means.

Whoever has none pays nothing for it: all narrowed roles are read together, once in a while, by each process.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from accounts.roles import ROLES
from core import selector

if TYPE_CHECKING:
    from accounts.models import User

log = logging.getLogger(__name__)

FRESH = 0.8
"""Seconds, for roles and for the servers of a selector, thousands of which are looked through: a live socket asks
every four, and shows within five what its person may see now."""
MOST_KEPT = 500

Finder = Callable[[int | None, selector.Selector], frozenset[int]]
T = TypeVar("T")
_finders: list[Finder] = []


@dataclass(frozen=True, slots=True)
class Narrow:
    """A role that reaches only the servers of a team that its selector means."""

    team: int
    role: str
    selector: str

    def may(self, verb: str) -> bool:
        return verb in ROLES[self.role]

    def servers(self) -> frozenset[int]:
        return meant(self.team, self.selector)


class _Kept:
    """Values by key that are true for a moment."""

    def __init__(self) -> None:
        self.values: dict[Any, tuple[float, Any]] = {}
        self.lock = threading.Lock()

    def get(self, key: Any, make: Callable[[], T], fresh: float) -> T:
        at = time.monotonic()
        found = self.values.get(key)
        if found is not None and at - found[0] < fresh:
            value: T = found[1]
            return value
        value = make()
        with self.lock:
            if len(self.values) >= MOST_KEPT:
                self.values.clear()
            self.values[key] = (at, value)
        return value

    def forget(self) -> None:
        with self.lock:
            self.values.clear()


_kept = _Kept()
forget = _kept.forget


def found_by(finder: Finder) -> None:
    """Whoever keeps servers says which of them a selector means: of a team, or of all."""
    _finders[:] = [finder]


def roles_of(user: User) -> list[Narrow]:
    """The narrowed roles of a person; of most people none."""
    return _kept.get(None, _roles, FRESH).get(user.pk, [])


def concerns(user: Any) -> bool:
    """Whether this person, or the token that acts as them, sees less than whole teams."""
    if getattr(user, "within", ""):
        return True
    return not getattr(user, "is_superuser", False) and bool(user.pk) and bool(roles_of(user))


def meant(team: int | None, text: str) -> frozenset[int]:
    """The servers, by number. A text that cannot be read reaches nothing."""
    return _kept.get((team, text), lambda: _found(team, text), FRESH)


def text_for(user: User, team: int, verb: str) -> str:
    """What a selector of this person for this team is and-ed with; empty: nothing."""
    narrow = [] if user.is_superuser else [one for one in roles_of(user) if one.team == team and one.may(verb)]
    return both(user.within, narrow[0].selector if narrow else "")


def both(first: str, second: str) -> str:
    """One selector for what both mean; production is written out, for neither must reach further by the other."""
    parts = [f"({part})" for part in map(_closed, (first, second)) if part]
    return " and ".join(parts) if len(parts) > 1 else "".join(parts)[1:-1]


def limited(text: str, by: str) -> str:
    """A person's selector within what they may reach; asked again of its own answer it stays as it is."""
    if not by:
        return text
    bound = f"({_closed(by)})"
    if not text.strip() or text == bound:
        return bound
    tail = f") and {bound}"
    if text.startswith("(") and text.endswith(tail) and _reads(text[1 : -len(tail)]):
        return text
    return f"({text}{tail}"


def _closed(text: str) -> str:
    if not text.strip():
        return ""
    try:
        return text if selector.parse(text).names_env else f"({text}) and env:{selector.PRODUCTION}"
    except selector.Unreadable:
        return text  # it reaches nothing, and neither does what it is part of


def _reads(text: str) -> bool:
    try:
        selector.parse(text)
    except selector.Unreadable:
        return False
    return True


def _roles() -> dict[int, list[Narrow]]:
    from accounts.models import Membership  # noqa: PLC0415 - models ask this module what they may show

    found: dict[int, list[Narrow]] = {}
    rows = Membership.objects.exclude(selector="").values_list("user", "team", "role", "selector")
    for user, team, role, text in rows:
        found.setdefault(user, []).append(Narrow(team, role, text))
    return found


def _found(team: int | None, text: str) -> frozenset[int]:
    try:
        parsed = selector.parse(text)
    except selector.Unreadable:
        log.warning("The selector %r of a role or token cannot be read: it reaches no server.", text)
        return frozenset()
    return _finders[0](team, parsed) if _finders else frozenset()
