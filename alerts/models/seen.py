"""Rows that remember for whom they were read: an incident may hold alerts that its reader may not see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.contrib.auth.models import AnonymousUser
from django.db.models.query import ModelIterable

from accounts.base import LOOK, M_co, ServerOwned, narrow
from accounts.models import User
from alerts import grouping

if TYPE_CHECKING:
    from alerts.models.records import Incident


class Reader(ServerOwned[M_co]):
    """Asked for a person who is narrowed to some servers, the incidents it gives are called by what they may see."""

    viewer: User | None = None
    incident: ClassVar[str] = "incident"

    def visible_to(self, user: User | AnonymousUser, verb: str = LOOK) -> Self:
        found = super().visible_to(user, verb)
        if isinstance(user, User) and narrow.concerns(user):
            found.viewer = user
        return found

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]
        clone.viewer = self.viewer
        return clone

    def _fetch_all(self) -> None:
        fresh = self._result_cache is None
        super()._fetch_all()
        if fresh and self.viewer is not None and issubclass(self._iterable_class, ModelIterable):
            rows: list[Any] = self._result_cache or []
            for_viewer([one for row in rows if (one := self._incident_of(row))], self.viewer)

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
            row.title, row.said = _title(list(rules), sorted(servers), checks=all(servers.values()))


def _title(rules: list[str], servers: list[str], *, checks: bool) -> tuple[str, dict[str, Any]]:
    rule, server = rules[0] if rules else "", servers[0] if servers else ""
    one = {"rules": [rule], "count": 1, "servers": 1, "server": server}
    title = grouping.title(f"{rule} on {server}", rules, servers, (), checks=checks)
    return title, grouping.kept(one, rules, servers, (), checks=checks)
