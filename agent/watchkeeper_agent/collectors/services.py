"""Services that should run and do not, as the system's own manager tells it."""

from __future__ import annotations

import sys
import time
from typing import Any

from watchkeeper_agent.collectors.base import Absent, Document, collector
from watchkeeper_agent.collectors.child import run, which
from watchkeeper_agent.sample import Sample

MOST_NAMES = 50
# Started by themselves, not running, and ended with a fault: a trigger's service rests without one.
STOPPED = (
    "Get-CimInstance Win32_Service"
    " -Filter \"StartMode='Auto' AND State<>'Running' AND ExitCode<>0 AND ExitCode<>1077\""
    " | ForEach-Object { $_.Name }"
)


def systemd(text: str) -> list[str]:
    """Names from `systemctl list-units --failed --plain --no-legend`."""
    return [line.split()[0] for line in text.splitlines() if line.split()]


def launchd(text: str) -> list[str]:
    """Labels from `launchctl list` that do not run and ended with a status above zero."""
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    return [row[2] for row in rows if len(row) == 3 and row[0] == "-" and row[1].isdigit() and row[1] != "0"]


def windows(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


ASK = {
    "linux": (["systemctl", "list-units", "--failed", "--plain", "--no-legend", "--no-pager", "--full"], systemd),
    "darwin": (["launchctl", "list"], launchd),
    "win32": (["powershell", "-NoProfile", "-NonInteractive", "-Command", STOPPED], windows),
}


@collector("services", period=120.0, platforms=("linux", "darwin", "win32"))
class Services:
    """How many failed, and an event with the name when one does."""

    def __init__(self) -> None:
        self.known: set[str] | None = None
        self.events: list[dict[str, Any]] = []
        self.facts: Document = {}
        self.period = 300.0 if sys.platform == "win32" else 120.0

    def collect(self, sample: Sample) -> None:
        argv, read_out = ASK[sys.platform]
        program = which(argv[0])
        if program is None:
            raise Absent(f"There is no {argv[0]} here.")
        ended = run([program, *argv[1:]], seconds=20)
        if ended.code != 0:
            raise Absent(f"{argv[0]} cannot tell: its manager does not run here.")
        self.tell(sample, sorted(set(read_out(ended.text))))

    def tell(self, sample: Sample, failed: list[str]) -> None:
        sample.put("services_failed", len(failed))
        now = round(time.time(), 3)
        for name in sorted(set(failed) - (self.known or set()))[:MOST_NAMES]:
            fields = {"service": name, "state": "failed"}
            self.events.append({"t": now, "kind": "service", "text": f"Service {name} has failed.", "fields": fields})
        for name in sorted((self.known or set()) - set(failed))[:MOST_NAMES]:
            fields = {"service": name, "state": "ok"}
            text = f"Service {name} is not failed any more."
            self.events.append({"t": now, "kind": "service", "text": text, "fields": fields})
        self.known = set(failed)
        self.facts = {"services": {"failed": ", ".join(failed[:MOST_NAMES])[:1000]}}
