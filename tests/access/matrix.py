"""Walks the addresses, asks each as everybody, and says what should have come of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.roles import ROLES
from accounts.services import RESOURCES
from ml.models import Episode, ModelVersion
from tests.access.table import SERVER_THINGS, TABLE
from tests.access.world import Holding, World, bearer, person, signed_in

NOBODY = "5d3a4c1e-0000-4000-8000-000000000000"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
YES, NO, GONE, WHO, WRONG = "yes", "no", "not there", "who are you", "no such method"
UNKNOWN = {"anonymous", "disabled", "expired", "revoked", "agent"}
# Found by the same queries as others and told apart by Python alone: another database need not be asked as each.
ALIKE = {"viewer", "operator", "manager", "disabled", "expired", "revoked", "reading token", "other token"}
TOKENS = {"token", "reading token", "other token", "expired", "revoked", "agent"}


@dataclass(frozen=True)
class Row:
    """An address, a right for each of its methods, and its thing."""

    path: str
    rights: dict[str, str]
    thing: str = ""

    @property
    def page(self) -> bool:
        return not self.path.startswith("/api/")


def rows() -> list[Row]:
    found = []
    for line in TABLE.strip().splitlines():
        path, said, thing = re.fullmatch(r"(\S+)\s+(.+?)(?:\s{2,}(\S+))?", line.strip()).groups()  # type: ignore[union-attr]
        rights: dict[str, str] = {}
        for part in said.split(";"):
            *methods, right = part.split()
            rights |= dict.fromkeys(methods, right)
        found.append(Row(path, rights, thing or ""))
    return found


def addresses(patterns: Any = None, before: str = "/") -> Iterator[tuple[str, Any]]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            yield path, pattern.callback


def methods_of(callback: Any) -> set[str] | None:
    """What a view of classes answers; of a function nobody knows before it is asked."""
    view = getattr(callback, "cls", None)
    if view is None:
        return None
    actions = getattr(callback, "actions", None)
    named = actions or [name for name in view.http_method_names if hasattr(view, name)]
    return {name.upper() for name in named} & set(METHODS)


def undeclared() -> list[str]:
    """Addresses without a row, methods without a right, and rows of addresses that are gone."""
    table = rows()
    known = {row.path: row for row in table}
    wide = [row.path for row in table if "*" in row.path]
    faults, seen = [], set()
    for path, callback in addresses():
        if any(fnmatch(path, one) for one in wide):
            continue
        if path not in known:
            faults.append(f"{path} has no row in tests/access/table.py")
            continue
        seen.add(path)
        methods = methods_of(callback)
        if methods is not None and methods != known[path].rights.keys():
            faults.append(f"{path} answers {sorted(methods)}, declared are {sorted(known[path].rights)}")
    return faults + [f"{path} is declared and not there" for path in known if path not in seen and path not in wide]


class Everybody:
    """A client for each sort of person, made once."""

    def __init__(self, world: World) -> None:
        self.world = world
        names = ("viewer", "operator", "manager", "admin", "owner", "stranger", "narrowed", "disabled")
        self.clients = {name: signed_in(world.people[name]) for name in names}
        world.people["disabled"].is_active = False
        world.people["disabled"].save()
        self.clients["anonymous"] = Client()
        self.clients |= world.dead_tokens
        self.clients["agent"] = bearer(world.ours.keys[world.ours.db.name])
        self.clients["passer"] = signed_in(person("passer", world.theirs.team, "viewer"))
        self.scoped = {
            scope: world.token(scopes=[scope]) for name in RESOURCES for scope in (f"{name}:read", f"{name}:write")
        }
        self.everything = world.token()

    def of(self, resource: str) -> dict[str, Client]:
        """Tokens differ by what the address is about."""
        tokens = {"token": self.scoped.get(f"{resource}:write", self.everything)}
        if resource:
            other = next(name for name in RESOURCES if name != resource)
            tokens["reading token"] = self.scoped.get(f"{resource}:read", self.everything)
            tokens["other token"] = self.scoped[f"{other}:write"]
        return {name: one for name, one in self.clients.items() if name != "passer"} | tokens

    def at(self, row: Row, resource: str) -> dict[str, Client]:
        """At a page one token is as good as any: none is looked at."""
        found = self.of(resource)
        left_out = {"expired", "revoked", "agent"} if row.page else set()
        if connection.vendor != "sqlite":
            left_out |= ALIKE
        return {name: client for name, client in found.items() if name not in left_out}


def expected(row: Row, method: str, who: str, resource: str) -> str:
    right = row.rights[method]
    if right == "all":
        return YES
    if right in {"agent", "proof"}:
        return YES if (right, who) == ("agent", "agent") else WHO
    if who in UNKNOWN or (row.page and who in TOKENS):
        return WHO
    if who == "other token" or (who == "reading token" and method != "GET") or ("!" in right and who in TOKENS):
        return NO
    return _of_right(right.rstrip("!~"), row.thing, "admin" if who in {"token", "reading token"} else who)


def _of_right(right: str, thing: str, who: str) -> str:
    if right == "owner" and (thing in {"", "person", "link"} or who != "stranger"):
        return YES if who == "owner" else NO
    if who == "stranger" and thing:
        return GONE
    if right in {"own", "mine"}:
        return YES if who == "admin" or (right, who) == ("mine", "owner") else GONE
    if who == "owner":
        return YES
    if who == "narrowed" and not right.endswith("+") and thing not in SERVER_THINGS:
        return YES if right == "look" or (right == "act" and not thing) else NO
    role = "admin" if who in {"stranger", "narrowed"} else who
    return YES if right.rstrip("+") in ROLES[role] else NO


def ask(client: Client, method: str, path: str) -> Any:
    """What came of it; nothing of it stays."""
    with transaction.atomic():
        if method == "GET":
            reply = client.get(path)
        else:
            reply = client.generic(method, path, b"{}", content_type="application/json")
        transaction.set_rollback(True)
    return reply


def came(reply: Any) -> str:
    if reply.status_code == 302 and "/login/" in reply.headers["Location"]:
        return WHO
    if reply.status_code >= 500:
        return f"broken: {reply.status_code}"
    return {401: WHO, 403: NO, 404: GONE, 405: WRONG}.get(reply.status_code, YES)


def address(row: Row, given: dict[str, Any]) -> str:
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(given[found[1]]), row.path)
    if row.thing == "server?":
        return f"{path}?metric=load1&server={given['uuid']}"
    if path.endswith("/moved"):
        return f"{path}?from=1795219340&to=1795219940"
    return f"{path}?metric=load1" if "/fleet/" in path else path


def inside(world: World, thing: str) -> dict[str, Any]:
    given: dict[str, Any] = _things(world, world.ours)[thing]()
    return given


def outside(world: World, thing: str) -> dict[str, Any]:
    """The same of the server that the narrowed do not reach."""
    ours = world.ours
    db, there = ours.db, ours.inside
    ours.db, ours.inside = ours.web, ours.outside
    try:
        return inside(world, thing)
    finally:
        ours.db, ours.inside = db, there


def absent(given: dict[str, Any]) -> dict[str, Any]:
    return {name: 999_999_999 if isinstance(value, int) else NOBODY for name, value in given.items()}


def _things(world: World, of: Holding) -> dict[str, Any]:
    def server() -> dict[str, Any]:
        return {"uuid": of.db.uuid}

    return {
        "": dict, "server": server, "server?": server,
        "key": lambda: {"uuid": of.db.uuid, "key": of.key_of(of.db).key},
        "incident": lambda: {"uuid": of.inside.uuid},
        "number": lambda: {"number": of.inside.pk},
        "check": lambda: {"uuid": of.check_of(of.db).uuid},
        "notice": lambda: {"uuid": of.of(of.db, "notice").uuid},
        "delivery": lambda: {"uuid": of.of(of.db, "delivery").uuid},
        "episode": lambda: {"uuid": Episode.objects.get(server=of.db).uuid},
        "version": lambda: {"uuid": ModelVersion.objects.get(server=of.db).uuid},
        "rule": lambda: {"uuid": of.rule.uuid}, "channel": lambda: {"uuid": of.channel.uuid},
        "chain": lambda: {"uuid": of.chain.uuid}, "schedule": lambda: {"uuid": of.schedule.uuid},
        "silence": lambda: {"uuid": of.silence.uuid}, "enrolment": lambda: {"uuid": of.enrolment.uuid},
        "override": lambda: {"uuid": of.schedule.uuid, "override": world.override.uuid},
        "team": lambda: {"uuid": of.team.uuid},
        "member": lambda: {"uuid": of.team.uuid, "person": world.guest.uuid},
        "person": lambda: {"uuid": world.guest.uuid},
        "invitation": lambda: {"uuid": of.team.uuid, "invitation": world.invitation.uuid},
        "token": lambda: {"uuid": world.kept.uuid}, "session": lambda: {"uuid": world.session.uuid},
        "report": lambda: {"uuid": world.report.uuid, "form": "csv"},
        "report_schedule": lambda: {"uuid": of.report_schedule.uuid},
        "way": lambda: {"uuid": world.way.uuid}, "view": lambda: {"uuid": world.view.uuid},
        "link": lambda: {"token": "none", "key": "none", "uuid": NOBODY, "word": "none"},
    }  # fmt: skip
