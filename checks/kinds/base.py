"""What every kind of check can be asked: what is wrong with its settings, and to look once."""

from __future__ import annotations

import time
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, TypeVar

import msgspec
from django.conf import settings

from checks.wrong import Wrong
from core import outgoing
from core.registry import Registry

Fault = tuple[str, str]  # a field, such as target or config.cron, and a sentence
LONGEST_SAID = 500
S = TypeVar("S", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be looked at, free of the database: it is done in a thread of a pool."""

    kind: str
    target: str
    config: Mapping[str, Any]
    timeout: float


@dataclass(slots=True)
class Outcome:
    """What one look found; `ok` None: nothing can be said, as we could not look."""

    ok: bool | None
    said: str
    seconds: float | None = None
    parts: dict[str, float] = field(default_factory=dict)
    certificate_ends: datetime | None = None

    def __post_init__(self) -> None:
        """What a stranger says stands in it: one line, and nothing that no database takes."""
        self.said = "".join(sign if sign.isprintable() else "\ufffd" for sign in self.said[:LONGEST_SAID])


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A kind without settings of its own."""


def read(struct: type[S], config: Any) -> S:
    """Settings as their kind knows them; ValueError says in a sentence what is wrong."""
    try:
        return msgspec.convert(config or {}, struct)
    except msgspec.ValidationError as fault:
        raise ValueError(_plain(struct, str(fault))) from fault


def _plain(struct: type[msgspec.Struct], fault: str) -> str:
    """What is wrong with which setting, and what may stand there."""
    said, _at, place = fault.partition(" - at `")
    name = place.removeprefix("$.").rstrip("`")
    fields = {one.encode_name: one for one in msgspec.structs.fields(struct)}
    values = typing.get_args(fields[name].type) if name in fields else ()
    if values and typing.get_origin(fields[name].type) is typing.Literal:
        return f"{name}: {said}. Known values: {', '.join(map(str, values))}."
    return f"{name + ': ' if name in fields else ''}{said}. Known here: {', '.join(fields) or 'none'}."


def allowed() -> tuple[str, ...]:
    """Private networks that the hub's own checks may reach."""
    return tuple(settings.ENV.outgoing_allow)


class Kind:
    """One way to look from outside."""

    title: ClassVar[str] = ""
    config: ClassVar[type[msgspec.Struct]] = Nothing
    looks: ClassVar[bool] = True
    """Whether somebody looks; else it waits to be told."""

    def faults(self, target: str, config: Mapping[str, Any], *, by_agent: bool) -> list[Fault]:
        """What is wrong with a check of this kind; what the hub may not reach is refused before it is saved."""
        try:
            self.checked(target, config)
        except Wrong as wrong:
            return [(f"config.{wrong.setting}", str(wrong))]
        except ValueError as fault:
            return [("config", str(fault))]
        except outgoing.Refused as refused:
            return [("target", str(refused))]
        return [] if by_agent else self.forbidden(target, config)

    def forbidden(self, target: str, config: Mapping[str, Any]) -> list[Fault]:
        """What only the hub is refused."""
        return []

    def checked(self, target: str, config: Mapping[str, Any]) -> None:
        """Raise Wrong or another ValueError for wrong settings, Refused for a target nobody could use."""
        read(self.config, config)

    def look(self, task: Task) -> Outcome:
        """Look once, within the task's time, and never raise."""
        began = time.monotonic()
        try:
            return self.run(task)
        except outgoing.Refused as refused:
            return Outcome(False, str(refused))
        except (outgoing.Unreachable, OSError, ValueError) as error:
            return Outcome(False, str(error) or type(error).__name__, time.monotonic() - began)

    def run(self, task: Task) -> Outcome:
        raise NotImplementedError


def reachable(host: str) -> list[Fault]:
    """A sentence where the hub must not go there; a name that cannot be resolved yet is no fault."""
    try:
        name = f"[{host}]" if ":" in host else host
        outgoing.check(f"http://{name}", allow_private=allowed())
    except outgoing.Refused as refused:
        return [("target", str(refused))]
    return []


def place(target: str) -> tuple[str, int]:
    """host:port, with brackets around IPv6."""
    host, colon, port = target.strip().rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 65536 or not host:
        raise outgoing.Refused("Write the target as host:port, such as db.example.org:5432.")
    if host.startswith("[") != host.endswith("]") or (":" in host and not host.startswith("[")):
        raise outgoing.Refused("Write an IPv6 address in brackets, such as [2001:db8::1]:5432.")
    named(host.strip("[]"))
    return host.strip("[]"), int(port)


def named(host: str) -> str:
    """A host name or address that can be used."""
    outgoing.parse(f"http://[{host}]" if ":" in host else f"http://{host}")
    if "/" in host or "?" in host or "#" in host:
        raise outgoing.Refused("Write a host name or an address alone, such as db.example.org.")
    return host


registry: Registry[Kind] = Registry("checks")
