"""What of a team's messages goes on to whoever is narrowed to some of its servers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from accounts.base import narrow
from accounts.models import User
from alerts.models import Incident
from dashboards.alerting import incidents
from servers.models import Server

KEY = 12  # the last characters of a UUID: what a row of the fleet is known by
Data = dict[str, Any]


@dataclass(frozen=True)
class Servers:
    """Of the fleet's messages what is about these servers. A message stays one, or the tab would see a gap."""

    ids: frozenset[str]

    def __call__(self, data: Data) -> Data:
        keys = {one[-KEY:] for one in self.ids}
        kept = {name: value for name, value in data.items() if name not in {"rows", "servers", "removed"}}
        if "rows" in data:
            kept["rows"] = [row for row in data["rows"] if row[0] in keys]
        kept["servers"] = [one for one in data.get("servers", ()) if one["id"] in self.ids]
        if "removed" in data:
            kept["removed"] = [one for one in data["removed"] if one in self.ids]
        return kept


@dataclass(frozen=True)
class Incidents:
    """Incidents as this person may see them, read anew; of others that nothing was said."""

    person: User
    ids: frozenset[str]
    """Of the servers: another set begins the topic anew."""

    def __call__(self, data: Data) -> Data:
        told: Data = data.get("incident") or {}
        mine = Incident.objects.visible_to(self.person)
        row = mine.filter(uuid=told["id"]).first() if told else None
        return {"incident": incidents.live(row)} if row else {"nothing": True}


Sieve = Servers | Incidents


def mark(inner: Iterable[str], sieve: Sieve | None) -> str:
    """The same as long as a person may see the same, in every process; says nothing of what it is."""
    ids = sorted(sieve.ids) if sieve else ["*"]
    return blake2b(",".join((*inner, "|", *ids)).encode(), digest_size=8).hexdigest()


def of(name: str, person: User) -> Sieve | None:
    """For most people none."""
    if not narrow.concerns(person):
        return None
    ids = frozenset(str(uuid) for uuid in Server.objects.visible_to(person).values_list("uuid", flat=True))
    return Servers(ids) if name == "fleet" else Incidents(person, ids)
