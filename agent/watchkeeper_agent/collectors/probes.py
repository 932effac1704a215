"""Checks that the hub has this agent run: what may be reached from here alone."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from watchkeeper_agent.collectors.base import Absent, Document, collector, read
from watchkeeper_agent.collectors.options import Options
from watchkeeper_agent.sample import Number, Sample

if TYPE_CHECKING:
    from watchkeeper_agent.collectors.looking import Found

MOST, SHORTEST, LONGEST = 200, 10.0, 60.0
AT_ONCE = 8
SOON = 10.0
MOST_RECENT = 400
REACH = 2.5
"""Intervals for which a look speaks, as the hub judges it."""
PARTS = ("name", "connect", "tls", "first_byte", "body")
KINDS = ("http", "tcp", "ping", "dns")


class Probe:
    """One of them: when it is due, how it stands, what it measured last."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        self.wanted = wanted
        self.name = str(wanted["name"])[:120]
        self.interval = max(SHORTEST, float(wanted.get("interval") or 60))
        self.timeout = min(LONGEST, max(1.0, float(wanted.get("timeout") or 10)))
        self.due = self.at = 0.0
        self.state = "new"
        self.failures = 0
        self.recent: list[float] = []
        self.values: dict[str, Number | None] = {}
        self.event: dict[str, Any] | None = None
        self.asking = threading.Lock()

    def is_due(self, now: float) -> bool:
        """Its time has come, or the clock was set back."""
        return now >= self.due or self.due > now + self.interval

    def told(self, now: float) -> dict[str, Number | None]:
        """What it measured last, as long as that says anything: a look that hangs is no knowledge."""
        known = abs(now - self.at) <= REACH * self.interval + self.timeout
        return self.values if known else dict.fromkeys(self.values)

    def ask(self, now: float, private: Sequence[str]) -> None:
        """Look once; a failure counts as down only when it was seen once more than there are retries."""
        if not self.asking.acquire(blocking=False):
            return  # the last look still hangs in the system's resolver
        try:
            self._ask(now, private)
        finally:
            self.asking.release()

    def _ask(self, now: float, private: Sequence[str]) -> None:
        from watchkeeper_agent.collectors import looking  # noqa: PLC0415 - loads much that few agents need

        found = looking.look(str(self.wanted.get("kind")), self.wanted, self.timeout, private)
        self.due, self.at = now + self.interval, now
        window = float(self.wanted.get("window") or 600)
        kept = [one for one in self.recent if now - window < abs(one) <= now]
        self.recent = [*kept[-MOST_RECENT:], now if found.ok else -now]
        self.failures = 0 if found.ok else self.failures + 1
        before = self.state
        if found.ok:
            # What made it down was told as that: how often it fails is counted anew, else it is told twice.
            self.recent = self.recent[-1:] if before == "down" else self.recent
            self.state = "up"
        elif before == "down" or self.failures > int(self.wanted.get("retries") or 0):
            self.state = "down"
        else:
            self.due = now + min(self.interval, SOON)
        self._keep(found)
        self.event = self._told(found.said) if (before == "down") != (self.state == "down") else None

    def _keep(self, found: Found) -> None:
        sample = Sample(0.0, None)  # type: ignore[arg-type]
        up = {"up": 1, "down": 0}.get(self.state)
        sample.put("check_up", up, check=self.name)
        sample.put("check_response_seconds", found.seconds if found.ok else None, 4, check=self.name)
        errors = None if self.state == "down" else 100.0 * sum(one < 0 for one in self.recent) / len(self.recent)
        sample.percent("check_error_percent", errors, check=self.name)
        if self.wanted.get("kind") == "http":
            sample.put("check_certificate_seconds_left", found.certificate, check=self.name)
            for part in PARTS:
                value = found.parts.get(part) if found.ok else None
                sample.put("check_response_part_seconds", value, 4, check=self.name, part=part)
        self.values = sample.values

    def _told(self, said: str) -> dict[str, Any]:
        word = "down" if self.state == "down" else "up again"
        return {
            "t": round(time.time(), 3),
            "kind": "check",
            "text": f"Check {self.name} is {word}: {said}"[:500],
            "fields": {"check": self.name, "state": self.state},
        }


@collector("probes", period=5.0)
class Probes:
    """In a lane of their own, some at a time: one that waits for its time limit must not hold up the others."""

    lane = "probes"
    patience = 3 * LONGEST

    def __init__(self) -> None:
        self.path = ""
        self.private: Sequence[str] = ()
        self.read_at: tuple[int, int] = (0, 0)
        self.probes: list[Probe] = []
        self.events: list[dict[str, Any]] = []
        self.facts: Document = {}
        self.trouble = ""

    def configure(self, options: Options) -> None:
        self.path = options.probes
        self.private = options.probe_private

    def idle(self) -> bool:
        return not self.path or not os.path.exists(self.path)

    def collect(self, sample: Sample) -> None:
        self._refresh()
        if not self.probes:
            self.facts = {}
            raise Absent("")
        due = [one for one in self.probes if one.is_due(sample.at)]
        for place in range(0, len(due), AT_ONCE):
            group = due[place : place + AT_ONCE]
            threads = [threading.Thread(target=one.ask, args=(sample.at, self.private), daemon=True) for one in group]
            for thread in threads:
                thread.start()
            for thread, one in zip(threads, group):
                thread.join(one.timeout + 5)
        for one in due:
            if one.event:
                self.events.append(one.event)
                one.event = None
        for one in self.probes:
            sample.values.update(one.told(sample.at))
        told = {one.name: f"{one.wanted['kind']} {one.wanted['target']}"[:200] for one in self.probes}
        self.facts = {"probes": dict(told)}

    def _refresh(self) -> None:
        """What the hub wants was written into a file by its order: it outlives a restart."""
        try:
            state = os.stat(self.path)
        except OSError:
            self.probes = []
            return
        mark = (state.st_mtime_ns, state.st_size)
        if mark == self.read_at:
            return
        self.read_at = mark
        try:
            wanted = json.loads(read(self.path) or "{}").get("checks")
        except (ValueError, AttributeError):
            wanted = None
        known = {json.dumps(one.wanted, sort_keys=True): one for one in self.probes}
        good = [one for one in wanted if _fits(one)] if isinstance(wanted, list) else []
        self.probes = [known.get(json.dumps(one, sort_keys=True)) or Probe(one) for one in good[:MOST]]


def _fits(wanted: Any) -> bool:
    return (
        isinstance(wanted, dict)
        and wanted.get("kind") in KINDS
        and isinstance(wanted.get("name"), str)
        and isinstance(wanted.get("target"), str)
        and isinstance(wanted.get("config", {}), dict)
    )
