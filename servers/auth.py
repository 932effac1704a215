"""Agent keys at the hot door: all hashes in one map, reloaded when something changed."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet

from accounts.models import Team
from core import tokens
from core.clock import now
from core.errors import Conflict, Unauthorized
from core.locking import locked
from servers.models import CHECK, DEFAULT_INTERVAL, AgentKey, Enrolment, Server
from servers.services import add_events, set_agent, set_facts

CHECK_EVERY = 2.0
RELOAD_EVERY = 60.0
MOST_SETTLED = 500
UNKNOWN = "Agent key refused: it is unknown or was revoked. Enrol this machine again under Add server."


@dataclass(frozen=True, slots=True)
class Agent:
    """Who posts: the server behind a key."""

    server: int
    uuid: str
    name: str
    team: int
    interval: int
    paused: bool
    digest: str
    version: str = ""
    key: str = ""
    fresh: bool = False
    """Made to replace another key, and not used yet."""


class Keyring:
    """All live keys in memory; revocation acts within seconds in every process."""

    def __init__(self) -> None:
        self.agents: dict[str, Agent] = {}
        self.mark: tuple[datetime | None, datetime | None, int, int] | None = None
        self.read_at = float("-inf")
        self.missed: dict[str, float] = {}
        self.used: set[str] = set()
        self.versions: dict[str, str] = {}
        self.lock = threading.Lock()

    def find(self, clear: str) -> Agent | None:
        """The agent of a key, from memory alone; nothing when it is not known here."""
        parts = tokens.split(clear, "wka")
        if parts is None:
            return None
        agent = self.agents.get(parts[0])
        if agent is None or not tokens.same(agent.digest, parts[1]):
            return None
        if agent.fresh:
            self.used.add(agent.key)
        return agent

    def hear(self, agent: Agent, version: str) -> None:
        """Which version an agent says it is; written later for all at once, as a whole fleet may say it at once."""
        version = version[:40]
        if version and version != agent.version:
            self.versions[agent.key] = version

    def keep_versions(self) -> None:
        heard, self.versions = self.versions, {}
        servers: dict[str, list[int]] = defaultdict(list)
        with self.lock:  # else a key that is revoked meanwhile would come back into the map
            for key, version in heard.items():
                if agent := self.agents.get(key):
                    servers[version].append(agent.server)
                    self.agents[key] = replace(agent, version=version)
        for version, told in servers.items():
            for start in range(0, len(told), MOST_SETTLED):
                set_agent(told[start : start + MOST_SETTLED], version)

    def take_used(self) -> list[str]:
        used, self.used = self.used, set()
        return list(used)

    def maybe_new(self, clear: str) -> bool:
        """Whether it pays to look into the table: the form is right and it was not missed just now."""
        parts = tokens.split(clear, "wka")
        if parts is None or parts[0] in self.agents:
            return False
        return time.monotonic() - self.missed.get(parts[0], float("-inf")) >= CHECK_EVERY

    def miss(self, clear: str) -> None:
        """Remember that a look into the table did not find this key; never after a look that failed."""
        parts = tokens.split(clear, "wka")
        if parts is None:
            return
        if len(self.missed) > 10_000:
            self.missed.clear()
        self.missed[parts[0]] = time.monotonic()

    def look(self, clear: str) -> Agent | None:
        """Find a key in the table that is not in memory."""
        if not self.maybe_new(clear):
            return None
        self.refresh()
        agent = self.find(clear)
        if agent is None:
            self.miss(clear)
        return agent

    def refresh(self) -> None:
        """Read the table again when a key or a server changed; called every two seconds and on a miss."""
        with self.lock:
            mark = _mark()
            if mark == self.mark and time.monotonic() - self.read_at < RELOAD_EVERY:
                return
            rows = AgentKey.objects.filter(revoked_at=None).values_list(
                "key", "used_at", "server_id", "server__uuid", "server__name", "server__team_id",
                "server__interval", "server__paused", "digest", "server__agent",
            )  # fmt: skip
            self.agents = {row[0]: _agent(row) for row in rows}
            self.mark, self.read_at = mark, time.monotonic()


def _agent(row: tuple[Any, ...]) -> Agent:
    key, used_at, server, uuid, *about = row
    return Agent(server, str(uuid), *about, key=key, fresh=used_at is None)  # type: ignore[misc]


def _mark() -> tuple[datetime | None, datetime | None, int, int]:
    """What moves with every change; the counts do where a clock that was set back holds the times still."""
    keys = AgentKey.objects.aggregate(
        at=Max("changed_at"), all=Count("pk"), live=Count("pk", filter=Q(revoked_at=None))
    )
    servers = Server.objects.aggregate(at=Max("changed_at"))
    return keys["at"], servers["at"], keys["all"], keys["live"]


keyring = Keyring()


def tend() -> bool:
    """A loop's step: keys that were used for the first time end those they replace; then read what changed."""
    used = keyring.take_used()
    for start in range(0, len(used), MOST_SETTLED):
        _settle(used[start : start + MOST_SETTLED])
    keyring.keep_versions()
    keyring.refresh()
    return False


@transaction.atomic
def _settle(used: list[str]) -> None:
    keys = AgentKey.objects.filter(key__in=used, used_at=None, revoked_at=None)
    servers = list(keys.values_list("server_id", flat=True))
    keys.update(used_at=now(), changed_at=now())
    replaced = AgentKey.objects.filter(server__in=servers, revoked_at=None, replaced_at__isnull=False)
    replaced = replaced.exclude(key__in=used)
    for server in set(replaced.values_list("server_id", flat=True)):
        add_events(server, [(now(), "key_rotated", "The agent uses a new key; the old one ended.", {})])
    replaced.update(revoked_at=now(), changed_at=now())


@transaction.atomic
def hand_key(agent: Agent) -> str:
    """A new key for the agent that asks with its own; that one lives until the new one was used.

    No hour ends it: whoever lost the answer, or could not save it, would be locked out for good.
    """
    server = locked(Server.objects).filter(pk=agent.server).first()
    mine = AgentKey.objects.filter(server=server, revoked_at=None)
    asking = mine.filter(key=agent.key).first()
    if server is None or asking is None:
        raise Unauthorized(UNKNOWN)
    # An answer that was lost left a key that nobody has: it goes, and the machine keeps the one it asks with.
    mine.filter(used_at=None).exclude(pk=asking.pk).delete()
    mine.exclude(pk=asking.pk).update(revoked_at=now(), changed_at=now())
    asking.used_at = asking.used_at or now()
    asking.replaced_at = asking.replaced_at or now()
    asking.save(update_fields=["used_at", "replaced_at", "changed_at"])
    token = tokens.make("wka")
    AgentKey.objects.create(server_id=agent.server, key=token.key, digest=token.digest)
    return token.clear


class Mismatch(Conflict):
    """The name is taken by another machine."""

    code = "fingerprint_mismatch"

    def __init__(self, server: Server) -> None:
        super().__init__(
            f"A server named {server.name} is already watched, with another fingerprint. If this machine "
            "replaces it, accept it on the page of that server and run this line again; else give this "
            "one another name."
        )
        self.server = server


@dataclass(frozen=True)
class Enrolled:
    """What a machine gets for its invitation."""

    server: Server
    key: str
    interval: int = DEFAULT_INTERVAL


def enrol(clear: str, hostname: str, fingerprint: str, facts: dict[str, dict[str, object]]) -> Enrolled:
    """Turn an invitation into a server and its key; the same machine again gets the same server."""
    try:
        return _enrol(clear, hostname, fingerprint, facts)
    except Mismatch as refused:
        _tell_mismatch(refused.server, fingerprint)
        raise


def _enrol(clear: str, hostname: str, fingerprint: str, facts: dict[str, dict[str, object]]) -> Enrolled:
    with transaction.atomic():
        invitation = _invitation(clear, fingerprint)
        server = _known_or_new(invitation, hostname, fingerprint)
        token = tokens.make("wka")
        _make_room(server)
        AgentKey.objects.create(server=server, key=token.key, digest=token.digest)
        if not invitation.used_at or not invitation.reusable:
            invitation.used_at, invitation.used_by = now(), fingerprint
            invitation.save(update_fields=["used_at", "used_by"])
        if facts:
            set_facts(server, facts, now(), whole=False)  # an enrolment tells a few; the agent's post tells all
    keyring.refresh()
    return Enrolled(server, token.clear, server.interval)


def _invitation(clear: str, fingerprint: str) -> Enrolment:
    refused = Unauthorized(
        "Enrolment refused: this token is unknown, used up or expired. Make a new one under Add server.",
        code="bad_token",
    )
    parts = tokens.split(clear, "wke")
    if parts is None:
        raise refused
    invitation = locked(Enrolment.objects).filter(key=parts[0]).first()
    if invitation is None or not tokens.same(invitation.digest, parts[1]):
        raise refused
    if invitation.revoked_at or invitation.expires_at < now():
        raise refused
    if invitation.used_at and not invitation.reusable and invitation.used_by != fingerprint:
        raise refused
    return invitation


def _known_or_new(invitation: Enrolment, hostname: str, fingerprint: str) -> Server:
    # Two machines at once would take one number; whoever comes second waits for the first.
    locked(Team.objects).get(pk=invitation.team_id)
    mine = Server.objects.filter(team=invitation.team)
    server = mine.filter(fingerprint=fingerprint, demo=invitation.demo).first()
    if server:
        return server
    hostname = _beside_demo(mine, hostname, demo=invitation.demo)
    mine.filter(name=hostname, stands_for=CHECK).update(name=f"{hostname[:110]} (check)", changed_at=now())
    if namesake := mine.filter(name=hostname).first():
        raise Mismatch(namesake)
    number = (mine.aggregate(last=Max("number"))["last"] or 0) + 1
    return Server.objects.create(
        team=invitation.team, number=number, name=hostname, hostname=hostname, fingerprint=fingerprint,
        demo=invitation.demo,
    )  # fmt: skip


def _tell_mismatch(server: Server, fingerprint: str) -> None:
    """Shown to the admin: once a machine, not once a try."""
    if server.offered == fingerprint:
        return
    Server.objects.filter(pk=server.pk).update(offered=fingerprint, changed_at=now())
    text = (
        f"Another machine asked to enrol as {server.name} and was refused. If it replaces this one, choose "
        '"Accept this machine" and run its line again; if not, give it another name.'
    )
    add_events(server.pk, [(now(), "fingerprint_mismatch", text, {"fingerprint": fingerprint})])


def _beside_demo(mine: QuerySet[Server], name: str, *, demo: bool) -> str:
    """A real machine never loses its name to a simulated one, whichever comes first."""
    other = f"{name[:110]} (demo)"
    if demo:
        return other if mine.filter(name=name).exists() else name
    if not mine.filter(name=other).exists():
        mine.filter(name=name, demo=True).update(name=other, changed_at=now())
    return name


def _make_room(server: Server) -> None:
    """Two keys may live at once, for rotation: the third one made retires the oldest."""
    live = AgentKey.objects.filter(server=server, revoked_at=None).order_by("-created_at", "-pk")
    for old in live[1:]:
        old.revoked_at = now()
        old.save(update_fields=["revoked_at", "changed_at"])
