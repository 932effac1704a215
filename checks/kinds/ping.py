"""An echo by ICMP: without rights of our own where the system allows it, else by its ping program."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from checks.kinds.base import Fault, Kind, Nothing, Outcome, Task, allowed, named, reachable, read, registry
from core import outgoing

ECHO = {socket.AF_INET: (8, 0, socket.IPPROTO_ICMP), socket.AF_INET6: (128, 129, socket.IPPROTO_ICMPV6)}


class Ping(Kind):
    title = "Ping"

    def checked(self, target: str, config: Mapping[str, Any]) -> None:
        read(Nothing, config)
        named(target)

    def forbidden(self, target: str, config: Mapping[str, Any]) -> list[Fault]:
        return reachable(target)

    def run(self, task: Task) -> Outcome:
        began = time.monotonic()
        address = outgoing.addresses(task.target, task.timeout, allow_private=allowed())[0]
        parts = {"name": time.monotonic() - began}
        left = max(0.5, task.timeout - parts["name"])
        try:
            took = echo(address, left)
        except PermissionError:
            return _program(address, left, parts)
        if took is None:
            return Outcome(False, f"{address} did not answer within {task.timeout:g} s.", task.timeout, parts)
        return Outcome(True, f"{address} answered.", parts["name"] + took, {**parts, "first_byte": took})


def echo(address: str, timeout: float) -> float | None:
    """Seconds to the answer of one request, or None; PermissionError where nobody may ask so."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind, reply, protocol = ECHO[family]
    mark = os.urandom(16)
    with _open(family, protocol) as asking:
        asking.settimeout(timeout)
        body = struct.pack("!BBHHH", kind, 0, 0, os.getpid() & 0xFFFF, 1) + mark
        asking.connect((address, 0))
        began = time.monotonic()
        asking.send(_summed(body) if family == socket.AF_INET else body)
        with suppress(TimeoutError):
            while (left := began + timeout - time.monotonic()) > 0:
                asking.settimeout(left)
                heard = asking.recv(2048)
                if heard.endswith(mark) and reply in (heard[0], heard[20] if len(heard) > 20 else -1):
                    return time.monotonic() - began
    return None


def _open(family: int, protocol: int) -> socket.socket:
    try:
        return socket.socket(family, socket.SOCK_DGRAM, protocol)
    except PermissionError:
        return socket.socket(family, socket.SOCK_RAW, protocol)


def _summed(packet: bytes) -> bytes:
    total = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    total = (total >> 16) + (total & 0xFFFF)
    total += total >> 16
    return packet[:2] + struct.pack("!H", ~total & 0xFFFF) + packet[4:]


def _program(address: str, timeout: float, parts: dict[str, float]) -> Outcome:
    found = shutil.which("ping")
    if found is None:
        said = "This hub may not send pings: install ping, or allow its group in net.ipv4.ping_group_range."
        return Outcome(None, said)
    began = time.monotonic()
    words = [found, "-n", "-c", "1", "-W", str(max(1, round(timeout))), address]
    try:
        done = subprocess.run(words, capture_output=True, timeout=timeout + 1, check=False)  # noqa: S603 - no shell
    except subprocess.TimeoutExpired:
        return Outcome(False, f"{address} did not answer within {timeout:g} s.", timeout, parts)
    took = time.monotonic() - began
    if done.returncode:
        return Outcome(False, f"{address} did not answer.", took, parts)
    return Outcome(True, f"{address} answered.", took, {**parts, "first_byte": took})


registry.register("ping")(Ping())
