"""A name in the DNS: whether it is answered, by whom, and with what."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from checks.kinds.base import Fault, Kind, Outcome, Task, allowed, named, reachable, read, registry
from checks.wrong import Wrong
from core import outgoing

if TYPE_CHECKING:
    from dns.resolver import Answer, Resolver

Record = Literal["A", "AAAA", "CNAME", "MX", "NS", "TXT", "SOA", "SRV", "CAA", "PTR"]
SHOWN = 200


class Config(msgspec.Struct, forbid_unknown_fields=True):
    """`server` is who is asked, empty: whom this system asks. `expect` must be in the answer."""

    record: Record = "A"
    server: str = ""
    port: int = 53
    expect: str = ""


class Dns(Kind):
    title = "DNS"
    config = Config

    def checked(self, target: str, config: Mapping[str, Any]) -> None:
        wanted = read(Config, config)
        if not 0 < wanted.port < 65536:
            raise Wrong("port", "A port is a number from 1 to 65535.")
        named(target)
        try:
            named(wanted.server or target)
        except outgoing.Refused as refused:
            raise Wrong("server", str(refused)) from refused

    def forbidden(self, target: str, config: Mapping[str, Any]) -> list[Fault]:
        server = read(Config, config).server
        return [("config.server", said) for _, said in reachable(server)] if server else []

    def faults(self, target: str, config: Mapping[str, Any], *, by_agent: bool) -> list[Fault]:
        found = super().faults(target, config, by_agent=by_agent)
        if not found and by_agent:
            wanted = read(Config, config)
            if wanted.record not in ("A", "AAAA") or wanted.server:
                return [("config.record", "An agent asks its own name server for A and AAAA records only.")]
        return found

    def run(self, task: Task) -> Outcome:
        from dns.exception import DNSException  # noqa: PLC0415 - loaded by the first who needs it

        wanted = read(Config, task.config)
        began = time.monotonic()
        resolver = _resolver(wanted, task.timeout)
        left = max(0.1, task.timeout - (time.monotonic() - began))
        try:
            found = resolver.resolve(task.target, wanted.record, lifetime=left, search=False)
        except DNSException as error:
            return Outcome(False, _why(task.target, wanted, error), time.monotonic() - began)
        took = time.monotonic() - began
        return _judged(wanted, found, took)


def _resolver(wanted: Config, timeout: float) -> Resolver:
    from dns.resolver import Resolver  # noqa: PLC0415 - loaded by the first who needs it

    if not wanted.server:
        return Resolver()
    asked = Resolver(configure=False)
    # Resolved and checked as everything that people name: no question reaches a network that is ours.
    asked.nameservers = list(outgoing.addresses(wanted.server, timeout, allow_private=allowed()))
    asked.port = wanted.port
    return asked


def _judged(wanted: Config, found: Answer, took: float) -> Outcome:
    values = sorted(str(one).strip('"') for one in found)
    shown = ", ".join(values)[:SHOWN]
    parts = {"first_byte": took}
    if wanted.expect and not any(wanted.expect in value for value in values):
        return Outcome(False, f"The answer has no {wanted.expect!r}: {shown}.", took, parts)
    return Outcome(True, f"{wanted.record}: {shown}", took, parts)


def _why(target: str, wanted: Config, error: Exception) -> str:
    name = type(error).__name__
    known = {
        "NXDOMAIN": f"{target} does not exist.",
        "NoAnswer": f"{target} has no {wanted.record} record.",
        "LifetimeTimeout": "No name server answered in time.",
        "NoNameservers": f"No name server could answer for {target}.",
    }
    return known.get(name, f"The question failed ({name}).")


registry.register("dns")(Dns())
