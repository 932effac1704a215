"""Agent keys at the hot door: all hashes in one map, reloaded when something changed."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet

from accounts.models import Team
from core import tokens
from core.clock import now
from core.errors import Conflict, Unauthorized
from servers.models import DEFAULT_INTERVAL, AgentKey, Enrolment, Server
from servers.services import set_facts

CHECK_EVERY = 2.0
RELOAD_EVERY = 60.0
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


class Keyring:
    """All live keys in memory; revocation acts within seconds in every process."""

    def __init__(self) -> None:
        self.agents: dict[str, Agent] = {}
        self.mark: tuple[datetime | None, datetime | None, int, int] | None = None
        self.read_at = float("-inf")
        self.missed: dict[str, float] = {}
        self.lock = threading.Lock()

    def find(self, clear: str) -> Agent | None:
        """The agent of a key, from memory alone; nothing when it is not known here."""
        parts = tokens.split(clear, "wka")
        if parts is None:
            return None
        agent = self.agents.get(parts[0])
        return agent if agent and tokens.same(agent.digest, parts[1]) else None

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
                "key", "digest", "server_id", "server__uuid", "server__name", "server__team_id",
                "server__interval", "server__paused",
            )  # fmt: skip
            self.agents = {
                key: Agent(server, str(uuid), name, team, interval, paused, digest)
                for key, digest, server, uuid, name, team, interval, paused in rows
            }
            self.mark, self.read_at = mark, time.monotonic()


def _mark() -> tuple[datetime | None, datetime | None, int, int]:
    """What moves with every change; the counts do where a clock that was set back holds the times still."""
    keys = AgentKey.objects.aggregate(
        at=Max("changed_at"), all=Count("pk"), live=Count("pk", filter=Q(revoked_at=None))
    )
    servers = Server.objects.aggregate(at=Max("changed_at"))
    return keys["at"], servers["at"], keys["all"], keys["live"]


keyring = Keyring()


@dataclass(frozen=True)
class Enrolled:
    """What a machine gets for its invitation."""

    server: Server
    key: str
    interval: int = DEFAULT_INTERVAL


def enrol(clear: str, hostname: str, fingerprint: str, facts: dict[str, dict[str, object]]) -> Enrolled:
    """Turn an invitation into a server and its key; the same machine again gets the same server."""
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
            set_facts(server, facts, now())
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
    invitation = Enrolment.objects.select_for_update().filter(key=parts[0]).first()
    if invitation is None or not tokens.same(invitation.digest, parts[1]) or invitation.expires_at < now():
        raise refused
    if invitation.used_at and not invitation.reusable and invitation.used_by != fingerprint:
        raise refused
    return invitation


def _known_or_new(invitation: Enrolment, hostname: str, fingerprint: str) -> Server:
    # Two machines at once would take one number; whoever comes second waits for the first.
    Team.objects.select_for_update().get(pk=invitation.team_id)
    mine = Server.objects.filter(team=invitation.team)
    server = mine.filter(fingerprint=fingerprint, demo=invitation.demo).first()
    if server:
        return server
    hostname = _beside_demo(mine, hostname, demo=invitation.demo)
    if mine.filter(name=hostname).exists():
        raise Conflict(
            f"A server named {hostname} is already watched, with another fingerprint. If this machine replaces it, "
            "remove the old one first; else give this one another name.",
            code="fingerprint_mismatch",
        )
    number = (mine.aggregate(last=Max("number"))["last"] or 0) + 1
    return Server.objects.create(
        team=invitation.team, number=number, name=hostname, hostname=hostname, fingerprint=fingerprint,
        demo=invitation.demo,
    )  # fmt: skip


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
