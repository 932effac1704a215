"""What a machine's owner settles about collecting: folders, checks, sockets, and what is left alone."""

from __future__ import annotations

import os
import sys
from typing import Any

SOCKETS = ["/var/run/docker.sock", "/run/podman/podman.sock"]
STALE = 3600.0
EVERYWHERE = ("0.0.0.0/0", "::/0")


class Options:
    """Read from the `collect` part of the agent's file; everything in it may be missing."""

    def __init__(self) -> None:
        self.textfiles = ""
        self.checks_folder = ""
        self.checks: dict[str, Any] = {}
        self.check_user = "nobody"
        self.containers = list(SOCKETS) if sys.platform != "win32" else []
        self.off: list[str] = []
        self.stale = STALE
        self.memory = ""
        self.logs: dict[str, Any] = {}
        self.logs_memory = ""
        self.probes = ""
        self.probe_private: list[str] = []
        self.unnamed: list[str] = []  # folders that are used once somebody makes them

    @classmethod
    def of(cls, document: dict[str, Any], folder: str) -> Options:
        """The document's wishes; a folder beside the agent's file counts without being named."""
        options = cls()
        options.memory = f"{folder}/collected.json"
        options.logs_memory = f"{folder}/logs.json"
        options.probes = f"{folder}/probes.json"
        options.probe_private = _networks(document.get("probe_private"))
        options.textfiles = str(document.get("textfiles") or options.beside(f"{folder}/textfiles"))
        options.checks_folder = str(document.get("checks_folder") or options.beside(f"{folder}/checks"))
        options.check_user = str(document.get("check_user") or options.check_user)
        checks, sockets, off = document.get("checks"), document.get("containers"), document.get("off")
        logs = document.get("logs")
        options.logs = dict(logs) if isinstance(logs, dict) else {}
        options.checks = dict(checks) if isinstance(checks, dict) else {}
        options.containers = [str(path) for path in sockets] if isinstance(sockets, list) else options.containers
        options.off = [str(name) for name in off] if isinstance(off, list) else []
        stale = document.get("stale")
        options.stale = float(stale) if isinstance(stale, (int, float)) and stale > 0 else STALE
        return options

    def beside(self, folder: str) -> str:
        """Used without being named: as it may be made while the agent runs, it is looked for each time."""
        self.unnamed.append(folder)
        return folder

    def missing(self, folder: str) -> bool:
        """Whether there is no such folder and nobody said there would be one: then it is not wished for."""
        return not folder or (folder in self.unnamed and not os.path.isdir(folder))


def _networks(wanted: Any) -> list[str]:
    """Networks inside that may be looked at for the hub: none unless this machine's owner says so."""
    if wanted is True:
        return list(EVERYWHERE)
    return [str(one) for one in wanted] if isinstance(wanted, list) else []
