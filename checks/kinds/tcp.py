"""A TCP port: whether it takes connections, and says what it should."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from checks.kinds.base import Fault, Kind, Outcome, Task, allowed, place, reachable, read, registry
from core import outgoing

MOST_READ = 4096


class Config(msgspec.Struct, forbid_unknown_fields=True):
    """`expect` is a text that the other side says by itself, such as SSH-2.0."""

    expect: str = ""


class Tcp(Kind):
    title = "TCP port"
    config = Config

    def checked(self, target: str, config: Mapping[str, Any]) -> None:
        read(Config, config)
        place(target)

    def forbidden(self, target: str, config: Mapping[str, Any]) -> list[Fault]:
        return reachable(place(target)[0])

    def run(self, task: Task) -> Outcome:
        wanted, (host, port) = read(Config, task.config), place(task.target)
        trace, began = outgoing.Trace(), time.monotonic()
        connected = outgoing.connect(host, port, task.timeout, allow_private=allowed(), trace=trace)
        with connected:
            said = ""
            if wanted.expect:
                said = _listen(connected, wanted.expect, began + task.timeout)
                trace.mark("first_byte")
        took = time.monotonic() - began
        if said:
            return Outcome(False, said, took, trace.parts)
        return Outcome(True, f"Port {port} takes connections.", took, trace.parts)


def _listen(connected: Any, expect: str, until: float) -> str:
    """Why what is heard is not what was expected; empty when it is."""
    heard = b""
    try:
        while len(heard) < MOST_READ and expect.encode() not in heard and (left := until - time.monotonic()) > 0:
            connected.settimeout(left)
            piece = connected.recv(MOST_READ)
            if not piece:
                break
            heard += piece
    except TimeoutError:
        pass
    if expect.encode() in heard:
        return ""
    shown = heard[:80].decode("utf-8", "replace")
    return f"It does not say {expect!r}, but {shown!r}." if heard else f"It does not say {expect!r}: nothing came."


registry.register("tcp")(Tcp())
