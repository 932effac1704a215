"""Rows that remember for whom they were read: an incident may hold alerts that its reader may not see."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.contrib.auth.models import AnonymousUser
from django.db.models.query import ModelIterable

from accounts.base import LOOK, M_co, ServerOwned, TeamOwned, narrow
from accounts.models import User
from alerts import grouping
from core import selector
from servers.models import Server

if TYPE_CHECKING:
    from alerts.models.records import Incident


class Viewed(ABC):
    """Asked for a person who is narrowed to some servers, the rows it gives tell them nothing of the others.

    It stands before questions of rows that are of a team or of a server; of both, so it is of neither itself.
    """

    viewer: User | None = None
    _result_cache: list[Any] | None
    _iterable_class: type[Any]

    def visible_to(self, user: User | AnonymousUser, verb: str = LOOK) -> Self:
        found: Self = super().visible_to(user, verb)  # type: ignore[misc]  # of what it stands before
        if isinstance(user, User) and narrow.concerns(user):
            found.viewer = user
        return found

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]  # as above
        clone.viewer = self.viewer
        return clone

    def _fetch_all(self) -> None:
        fresh = self._result_cache is None
        super()._fetch_all()  # type: ignore[misc]  # as above
        if fresh and self.viewer is not None and issubclass(self._iterable_class, ModelIterable):
            self._veil(self._result_cache or [], self.viewer)

    @abstractmethod
    def _veil(self, rows: list[Any], viewer: User) -> None:
        """Leave out of them what this person may not see."""


class Naming(Viewed, TeamOwned[M_co]):
    """Rows of a team that name servers by a selector."""

    def _veil(self, rows: list[Any], viewer: User) -> None:
        hiding = [row for row in rows if self._hides(row, viewer)]
        texts = veiled([row.selector for row in hiding], viewer)
        for row, text in zip(hiding, texts, strict=True):
            row.selector, row.viewer = text, viewer

    def _hides(self, row: Any, viewer: User) -> bool:
        """What they may change stays as it is, or they would save the veil: what they wrote, and of whole teams."""
        return getattr(row, "owner_id", None) != viewer.pk and bool(narrow.text_for(viewer, row.team_id, LOOK))


def veiled(selectors: list[str], viewer: User) -> list[str]:
    """Without the names of servers that this person may not see."""
    if not any(map(selector.naming, selectors)):
        return selectors
    known = [one.words() for one in Server.objects.visible_to(viewer)]
    return [selector.veiled(text, known) for text in selectors]


class Reader(Viewed, ServerOwned[M_co]):
    """Incidents, and what hangs on them: they are called by what may be seen."""

    incident: ClassVar[str] = "incident"

    def _veil(self, rows: list[Any], viewer: User) -> None:
        for_viewer([one for row in rows if (one := self._incident_of(row))], viewer)

    def _incident_of(self, row: Any) -> Incident | None:
        """The incident that was read with it."""
        if not self.incident:
            found: Incident = row
            return found
        cached: Incident | None = row._state.fields_cache.get(self.incident)
        return cached


def for_viewer(incidents: Iterable[Incident], viewer: User) -> None:
    """Call those that hold more than this person may see by the part they may; the rows are not saved so."""
    from alerts.models.records import Alert  # noqa: PLC0415 - it asks by this module

    rows: dict[int, list[Incident]] = {}
    for one in incidents:
        one.viewer = viewer
        rows.setdefault(one.pk, []).append(one)
    held = Alert.objects.filter(incident__in=rows)
    seen = Alert.objects.visible_to(viewer).filter(incident__in=rows)
    mixed = set(held.exclude(pk__in=seen.values("pk")).values_list("incident", flat=True))
    if not mixed:
        return
    names: dict[int, tuple[dict[str, None], dict[str, bool]]] = {pk: ({}, {}) for pk in mixed if pk}
    fields = ("incident", "rule__name", "server__name", "server__stands_for")
    for pk, rule, server, stands_for in seen.filter(incident__in=mixed).values_list(*fields):
        names[pk][0][rule], names[pk][1][server] = None, bool(stands_for)
    for pk, (rules, servers) in names.items():
        for row in rows[pk]:
            if not servers:  # a message that was under way when its reader's role became narrower
                row.title, row.said = "…", {}
                continue
            row.title, row.said = _title(list(rules), sorted(servers), checks=all(servers.values()))


def _title(rules: list[str], servers: list[str], *, checks: bool) -> tuple[str, dict[str, Any]]:
    rule, server = rules[0] if rules else "", servers[0] if servers else ""
    one = {"rules": [rule], "count": 1, "servers": 1, "server": server}
    title = grouping.title(f"{rule} on {server}", rules, servers, (), checks=checks)
    return title, grouping.kept(one, rules, servers, (), checks=checks)
