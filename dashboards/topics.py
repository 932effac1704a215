"""The topics a person may follow, and how the numbers of several teams become one that grows by one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser

from accounts.models import Team, User
from core import live
from dashboards import feed, sieve
from dashboards.sieve import Sieve
from servers.models import Server
from servers.services import orders

Person = User | AnonymousUser
WIDE = {"fleet": feed.fleet_topic, "incidents": feed.incidents_topic}


@dataclass(frozen=True)
class Topic:
    """A name people use and the inner topics behind it, one a team."""

    name: str
    inner: tuple[str, ...]
    server: int | None = None
    """Whose agent samples every second while somebody looks."""
    sieve: Sieve | None = None
    """What of its messages this person may see; empty: all."""

    def watch(self, seconds: float = live.POLLED_FOR) -> None:
        """Somebody looks now. May wait for Redis."""
        self.keep(seconds)
        if self.server is not None:
            orders.watch(self.server)

    def keep(self, seconds: float = live.POLLED_FOR) -> None:
        """Somebody is about to look: what is said from now on gets its number, and is kept."""
        for inner in self.inner:
            live.watch(inner, seconds)

    def sight(self) -> str:
        """Changes when its person may see more or less of it: then the page's data is not right any more."""
        return sieve.mark(self.inner, self.sieve)

    def numbers(self) -> dict[str, int]:
        return {topic: live.sequence(topic) for topic in self.inner}

    def sequence(self) -> int:
        # Each message raises exactly one inner number by one, so the sum grows by one, or shows the gap.
        return sum(self.numbers().values())

    def recent(self) -> tuple[int, list[dict[str, Any]]]:
        """The number now, and the kept messages of all its teams as a tab would have heard them."""
        last = self.numbers()  # first: what is said meanwhile stands among the kept ones
        kept = {topic: live.recent(topic) for topic in self.inner}
        heard = {topic: kept[topic][0]["seq"] - 1 if kept[topic] else last[topic] for topic in self.inner}
        messages = []
        for message in sorted((one for listed in kept.values() for one in listed), key=lambda one: one["at"]):
            if message["seq"] > heard[message["topic"]]:
                heard[message["topic"]] = message["seq"]
                messages.append(self.outward(sum(heard.values()), message))
        return sum(max(last[topic], heard[topic]) for topic in self.inner), messages

    def outward(self, number: int, message: dict[str, Any]) -> dict[str, Any]:
        """As the tab hears it. May ask the database."""
        data = message["data"] if self.sieve is None else self.sieve(message["data"])
        return {"topic": self.name, "seq": number, "at": message["at"], "data": data}


def written(name: str, number: int, message: dict[str, Any]) -> str:
    """The same where nothing is left out: its data was written once, for all who listen."""
    return f'{{"topic":"{name}","seq":{number},"at":{message["at"]},"data":{message["text"]}}}'


def find(name: str, person: Person) -> Topic | None:
    """The topic if this person may follow it; else nothing, whether it exists or not."""
    return find_all([name], person)[name]


def find_all(names: Iterable[str], person: Person) -> dict[str, Topic | None]:
    """The same for many: as many questions for all of them as for one."""
    listed = list(names)
    found: dict[str, Topic | None] = dict.fromkeys(listed)
    wide = [name for name in listed if name in WIDE]
    teams = list(Team.objects.visible_to(person).order_by("pk").values_list("pk", flat=True)) if wide else []
    for name in wide:
        of_all = sieve.of(name, person) if isinstance(person, User) else None
        found[name] = Topic(name, tuple(map(WIDE[name], teams)), sieve=of_all)
    asked = {uuid: name for name in listed if (uuid := _server(name))}
    if asked:
        rows = Server.objects.visible_to(person).filter(uuid__in=list(asked)).values_list("uuid", "pk")
        found |= {asked[uuid]: Topic(asked[uuid], (feed.server_topic(uuid),), pk) for uuid, pk in rows}
    return found


def _server(name: str) -> UUID | None:
    kind, _, text = name.partition(".")
    try:
        return UUID(text) if kind == "server" else None
    except ValueError:
        return None
