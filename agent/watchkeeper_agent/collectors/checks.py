"""Scripts that speak as Nagios plugins do, each on its own interval, never as root, never in the sample's way."""

from __future__ import annotations

import os
import stat
import sys
import time
from typing import Any

from watchkeeper_agent.collectors import nagios
from watchkeeper_agent.collectors.base import Absent, Document, collector
from watchkeeper_agent.collectors.child import run
from watchkeeper_agent.collectors.options import Options
from watchkeeper_agent.sample import Number, Sample

INTERVAL, SHORTEST = 60.0, 5.0
TIMEOUT, LONGEST = 30.0, 120.0
MOST_CHECKS, MOST_OUTPUT = 50, 64 << 10


class Check:
    """One script: what it is called with, when it is due, what it said last."""

    def __init__(self, name: str, argv: list[str], interval: float, timeout: float) -> None:
        self.name = name
        self.argv = argv
        self.interval = max(SHORTEST, interval)
        self.timeout = min(LONGEST, max(1.0, timeout))
        self.due = 0.0
        self.state: int | None = None
        self.said = ""
        self.values: dict[str, Number | None] = {}

    @classmethod
    def of(cls, name: str, wanted: Any) -> Check:
        """From the agent's file: {"command": [argv], "interval": 60, "timeout": 30}."""
        command = wanted.get("command") if isinstance(wanted, dict) else None
        if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
            raise Absent(f'Check {name} needs "command": a list of the program and its arguments.')
        return cls(name, command, float(wanted.get("interval") or INTERVAL), float(wanted.get("timeout") or TIMEOUT))

    def ask(self, user: str | None) -> dict[str, Any] | None:
        """Run it; the answer is an event where its state changed."""
        try:
            ended = run(self.argv, seconds=self.timeout, limit=MOST_OUTPUT, user=user)
            text, seconds = ended.text, ended.seconds
            state = ended.code if ended.code in (0, 1, 2, 3) else 3
            if ended.code is None:  # as Nagios judges it, too
                state, text = 2, f"No answer within {self.timeout:g} s, or more than {MOST_OUTPUT >> 10} KiB of it"
        except Absent as absent:
            state, text, seconds = 3, str(absent), 0.0
        assert state is not None  # noqa: S101 - for the type alone
        self._keep(state, text, seconds)
        before, self.state, self.said = self.state, state, nagios.headline(text)
        if before == state or (before is None and state == 0):
            return None
        return {
            "t": round(time.time(), 3),
            "kind": "check",
            "text": f"Check {self.name} is {nagios.STATES[state]}: {self.said}"[:500],
            "fields": {"check": self.name, "state": nagios.STATES[state]},
        }

    def _keep(self, state: int, text: str, seconds: float) -> None:
        sample = Sample(0.0, None)  # type: ignore[arg-type]
        # Whether it works at all: a warning still does; what cannot be told counts as not.
        sample.put("check_up", int(state < 2), check=self.name)
        sample.put("check_state", state, check=self.name)
        sample.put("check_response_seconds", seconds, 3, check=self.name)
        for metric, label, value in nagios.figures(text):
            sample.put(metric, value, 6, check=self.name, figure=label)
        self.values = sample.values


@collector("checks", period=5.0)
class Checks:
    """In a thread of its own, as a check may wait for its time limit; they run one after the other."""

    lane = "checks"
    patience = 3 * LONGEST  # one that waits must not make the others' values old

    def __init__(self) -> None:
        self.options = Options()
        self.checks: dict[str, Check] = {}
        self.events: list[dict[str, Any]] = []
        self.facts: Document = {}
        self.trouble = ""
        self.user: str | None = None

    def configure(self, options: Options) -> None:
        self.options = options
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            self.user = options.check_user
        if not options.checks and not options.checks_folder:
            raise Absent("")

    def idle(self) -> bool:
        """Whether there is nothing to ask yet: no thread is kept for that."""
        return not self.options.checks and self.options.missing(self.options.checks_folder)

    def collect(self, sample: Sample) -> None:
        wanted, faults = self._wanted()
        self.checks = {name: self.checks.get(name, check) for name, check in wanted.items()}
        self.trouble = "; ".join(faults)[:300]
        if not self.checks:
            self.facts = {}
            raise Absent(self.trouble)
        for check in self.checks.values():
            if sample.at >= check.due:
                event = check.ask(self.user)
                check.due = sample.at + check.interval
                self.events += [event] if event else []
            sample.values.update(check.values)
        # The program alone: an argument may be a password.
        self.facts = {"checks": {name: check.argv[0][:200] for name, check in self.checks.items()}}

    def _wanted(self) -> tuple[dict[str, Check], list[str]]:
        wanted: dict[str, Check] = {}
        faults = []
        folder = self.options.checks_folder
        if self.options.missing(folder):
            folder = ""
        try:
            names = sorted(os.listdir(folder)) if folder else []
        except OSError as error:
            names, faults = [], [f"{folder} cannot be read ({error.strerror})"]
        for name in names[:MOST_CHECKS]:
            fault = _unsafe(f"{folder}/{name}")
            if fault:
                faults.append(f"{name} {fault}")
            elif fault is None:
                short = name.partition(".")[0] or name
                wanted[short] = Check(short, [f"{folder}/{name}"], INTERVAL, TIMEOUT)
        for name, one in list(self.options.checks.items())[:MOST_CHECKS]:
            try:
                wanted[name] = Check.of(name, one)
            except (Absent, TypeError, ValueError) as error:
                faults.append(str(error))
        return wanted, faults


def _unsafe(path: str) -> str | None:
    """Why a file of the folder is not run: a reason, or empty where it is no script; None if it may be."""
    try:
        state = os.stat(path)
        home = os.stat(os.path.dirname(path))
    except OSError:
        return ""
    if not stat.S_ISREG(state.st_mode) or not os.access(path, os.X_OK) or os.path.basename(path).startswith("."):
        return ""
    if sys.platform != "win32":
        for one in (state, home):
            if one.st_mode & 0o022 or one.st_uid not in (0, os.geteuid()):
                return "is not run: it or its folder can be changed by others than root and the agent's user"
    return None
