"""What a machine is, as opposed to how it is: changes rarely, and each change is worth a line in its history."""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import TYPE_CHECKING

import psutil

from watchkeeper_agent import VERSION
from watchkeeper_agent.collectors.base import Document, Scalar, proc, read
from watchkeeper_agent.config import replace
from watchkeeper_agent.sample import sha256

if TYPE_CHECKING:
    from watchkeeper_agent.collectors import Collectors

UNSET = ("", "uninitialized\n")
MOST_UNSEEN = 400


def hostname() -> str:
    return socket.gethostname() or "localhost"


def gather(collectors: Collectors | None = None) -> Document:
    """The document of facts: {section: {key: scalar}}, nothing in it that moves by itself."""
    document: Document = {
        "host": {"name": hostname(), "architecture": _machine()},
        "os": _system(),
        "cpu": {
            "model": _cpu_model(),
            "cores": psutil.cpu_count(logical=False) or psutil.cpu_count(),
            "threads": psutil.cpu_count(),
        },
        "memory": {"total_bytes": psutil.virtual_memory().total, "swap_total_bytes": psutil.swap_memory().total},
        "agent": {"version": VERSION, "python": "{}.{}.{}".format(*sys.version_info[:3])},
    }
    if collectors:
        if collectors.looked:  # a section that is told later is a first look at it, and no change
            document["collectors"] = {"unseen": _unseen(collectors.off())}
        for section, pairs in collectors.facts().items():
            document.setdefault(section, {}).update(pairs)
    return document


def _unseen(off: dict[str, str]) -> str:
    """What is not looked at here, each with its reason, as whoever owns the machine reads it."""
    if not off:
        return "all well"
    listed = ", ".join(f"{name} ({off[name].rstrip('.')})" for name in sorted(off))
    if len(listed) > MOST_UNSEEN:
        listed = f"{listed[:MOST_UNSEEN]}…"
    return f"Not seen on this machine: {listed}. Nothing is to be done, unless you miss one of them."


def digest(document: Document) -> str:
    return sha256(json.dumps(document, sort_keys=True).encode())[:16]


def fingerprint(name: str, folder: str) -> str:
    """The same for this machine under this name each time; a clone with a name of its own differs."""
    identity = read("/etc/machine-id")
    if identity in UNSET:
        identity = _own_identity(f"{folder}/machine")
    return sha256(f"watchkeeper {identity.strip()} {name}".encode())


def _own_identity(path: str) -> str:
    known = read(path)
    if known:
        return known
    made = os.urandom(16).hex()
    replace(path, made)
    return made


def _machine() -> str:
    if hasattr(os, "uname"):
        return os.uname().machine
    return os.environ.get("PROCESSOR_ARCHITECTURE", "")


def _system() -> dict[str, Scalar]:
    release = dict(_pairs(read("/etc/os-release")))
    kernel = os.uname().release if hasattr(os, "uname") else ""
    name = release.get("NAME", "").replace(" GNU/Linux", "")
    if name:
        return {"name": name, "version": release.get("VERSION_ID", ""), "kernel": kernel, "family": "linux"}
    import platform  # noqa: PLC0415 - needed where there is no os-release alone

    shown = {"Darwin": "macOS"}.get(platform.system(), platform.system())
    version = platform.mac_ver()[0] or platform.version()
    return {"name": shown, "version": version, "kernel": kernel, "family": platform.system().lower()}


def _pairs(text: str) -> list[tuple[str, str]]:
    lines = (line.partition("=") for line in text.splitlines() if "=" in line)
    return [(key.strip(), value.strip().strip("\"'")) for key, _, value in lines]


def _cpu_model() -> str:
    for line in proc("cpuinfo").splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model", "Hardware", "cpu model"):
            return " ".join(value.split())
    return ""
