"""Pending updates, those that mend security, and whether the machine waits for a restart."""

from __future__ import annotations

import os
import sys

from watchkeeper_agent.collectors import packages
from watchkeeper_agent.collectors.base import Absent, Document, collector
from watchkeeper_agent.collectors.child import run, which
from watchkeeper_agent.collectors.packages import Manager, Update
from watchkeeper_agent.sample import Sample

PERIOD = 6 * 3600.0
PATIENCE = 300.0
MOST_NAMES = 50
WAITS = ("/run/reboot-required", "/var/run/reboot-required", "/run/reboot-needed")
REGISTRY = r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired"


@collector("updates", period=PERIOD)
class Updates:
    """Asks the package manager's local lists, four times a day, in a niced child; it never fetches anything."""

    lane = "updates"  # a package manager may take minutes

    def __init__(self) -> None:
        self.facts: Document = {}

    def collect(self, sample: Sample) -> None:
        manager, program = found()
        pending = answer(manager, program, manager.pending, manager.read)
        if manager.security and manager.read_security:
            grave = answer(manager, program, manager.security, manager.read_security)
            names = {one.name for one in grave}
            pending = [one._replace(security=one.security or one.name in names) for one in pending]
            sample.put("updates_security", len(grave))
        else:
            sample.put("updates_security", sum(one.security for one in pending))
        sample.put("updates_pending", len(pending))
        self.facts = {"packages": {"manager": manager.name}, "updates": _lines(pending)}


def found() -> tuple[Manager, str]:
    """The first package manager that is here."""
    for manager in packages.MANAGERS:
        program = which(manager.pending[0])
        if program:
            return manager, program
    raise Absent("There is no package manager here that can be asked.")


def answer(manager: Manager, program: str, argv: list[str], read: object) -> list[Update]:
    ended = run([program, *argv[1:]], seconds=PATIENCE, limit=4 << 20)
    if ended.code not in manager.good:
        raise Absent(f"{manager.name} cannot tell without rights it does not have, or its lists were never fetched.")
    assert callable(read)  # noqa: S101 - for the type alone
    listed: list[Update] = read(ended.text)
    return listed


def _lines(pending: list[Update]) -> dict[str, str | int | float | bool | None]:
    """Security first, so that a bound never hides it."""
    lines: dict[str, str | int | float | bool | None] = {}
    for one in sorted(pending, key=lambda one: (not one.security, one.name))[:MOST_NAMES]:
        text = f"{one.before} to {one.after}" if one.before else one.after or "pending"
        lines[one.name] = f"{text} (security)" if one.security else text
    return lines


@collector("restart", period=600.0)
class Restart:
    """1 when installed updates wait for a restart of the machine."""

    def collect(self, sample: Sample) -> None:
        if sys.platform == "win32":
            sample.put("reboot_required", int(_in_registry()))
            return
        waits = any(os.path.exists(path) for path in WAITS)
        if not waits and not os.path.exists("/etc/debian_version"):
            program = which("needs-restarting")
            if program is None:
                raise Absent("This system does not say whether it waits for a restart.")
            waits = run([program, "-r"], seconds=60).code == 1
        sample.put("reboot_required", int(waits))


def _in_registry() -> bool:
    import importlib  # noqa: PLC0415 - on Windows alone

    winreg = importlib.import_module("winreg")
    try:
        winreg.CloseKey(winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, REGISTRY))
    except OSError:
        return False
    return True
