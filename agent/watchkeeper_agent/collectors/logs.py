"""How often named texts come in log files and the journal: a rate for each, and no line leaves the machine."""

from __future__ import annotations

import glob
import json
import os
import time
from typing import Any

from watchkeeper_agent.collectors.base import Absent, collector, read
from watchkeeper_agent.collectors.journal import Journal
from watchkeeper_agent.collectors.options import Options
from watchkeeper_agent.collectors.patterns import BadPattern, Pattern
from watchkeeper_agent.collectors.tail import Tail
from watchkeeper_agent.config import replace
from watchkeeper_agent.errors import say
from watchkeeper_agent.sample import Sample

PERIOD, SAVED_EVERY, LONGEST_AWAY = 15.0, 60.0, 86_400.0
MOST_SECONDS = 2.0  # a look
MOST_MISSED = 20
MOST_PATTERNS, MOST_FILES, MOST_BYTES, LEAST_BYTES = 30, 50, 8 << 20, 256 << 10
# What syslog writes stands in the journal as well, where that can be read.
SYSLOG = ("/var/log/syslog", "/var/log/messages", "/var/log/auth.log", "/var/log/secure")
WEB = ["/var/log/nginx/*access*.log", "/var/log/apache2/*access*.log", "/var/log/httpd/*access_log"]
BROKEN = ["/var/log/nginx/*error*.log", "/var/log/apache2/*error*.log", "/var/log/httpd/*error_log"]
DEFAULTS: dict[str, Any] = {
    "errors": {
        "texts": ["error", "fatal", "panic", "segfault", "traceback (most recent", "[crit]", "[alert]", "[emerg]"],
        "files": [*SYSLOG[:2], *BROKEN],
        "journal": True,
        "level": 3,
    },
    "http_5xx": {"texts": ['" 5## ', '"status":5##', '"status": 5##'], "files": WEB},
    "failed_logins": {
        "texts": [
            "failed password for", "failed keyboard-interactive*for", "failed login",
            "password check failed for user", "pam_unix(su*authentication failure",
        ],
        "files": list(SYSLOG[2:]),
        "journal": True,
    },
}  # fmt: skip


@collector("logs", period=PERIOD)
class Logs:
    """In a thread of its own, as a log may lie on a disk that hangs."""

    lane = "logs"

    def __init__(self) -> None:
        self.patterns: list[Pattern] = []
        self.tails: dict[str, Tail] = {}
        self.journal = Journal()
        self.memory = ""
        self.looked: float | None = None  # by the monotonic clock
        self.saved = 0.0
        self.away = 0.0  # seconds between the remembered look and this start
        self.first = True
        self.trouble = ""
        self.faults: list[str] = []
        self.period = PERIOD

    def configure(self, options: Options) -> None:
        for name, wanted in list({**DEFAULTS, **options.logs}.items())[:MOST_PATTERNS]:
            if wanted is None or wanted is False:
                continue
            try:
                self.patterns.append(Pattern(name, wanted))
            except BadPattern as bad:
                self.faults.append(f"{str(name)[:60]} {bad}")
        self.memory = options.logs_memory
        self._remember()
        if not self.patterns and not self.faults:
            raise Absent("")

    def collect(self, sample: Sample) -> None:
        began = time.monotonic()
        faults = list(self.faults)
        seconds = max(1.0, began - self.looked if self.looked is not None else self.away)
        known = self.looked is not None or self.away > 0
        counts: dict[str, int] = {}
        skipped = self._files(counts, faults, syslog=not self._entries(counts, faults))
        self.looked, self.first = began, False
        if known:
            for name, count in counts.items():
                sample.put("log_matches_per_second", count / seconds, 4, pattern=name)
            if counts:
                sample.put("log_skipped_bytes_per_second", skipped / seconds)
        self._save(began)
        self._say(faults)
        # Reading must stay a small part of the time, however dear a look is here.
        self.period = max(PERIOD, 20 * (time.monotonic() - began))
        if not counts and not self.trouble:
            raise Absent("There is no log here that can be read.")

    def _say(self, faults: list[str]) -> None:
        self.trouble = "; ".join(faults[:3])[:300] + (f" and {len(faults) - 3} more" if len(faults) > 3 else "")
        if self.trouble:
            say("logs", f"Logs: {self.trouble}.")

    def _entries(self, counts: dict[str, int], faults: list[str]) -> bool:
        """Count in the journal; whether it can be read."""
        mine = [one for one in self.patterns if one.journal]
        if not mine:
            return False
        try:
            entries = self.journal.read()
        except Absent as absent:
            if str(absent):
                faults.append(str(absent).rstrip("."))
            return False
        if self.journal.trouble:
            faults.append(self.journal.trouble)
        for one in mine:
            counts[one.name] = sum(one.in_entry(message, level) for message, level in entries)
        return True

    def _files(self, counts: dict[str, int], faults: list[str], *, syslog: bool) -> int:
        """Count in the files; how many bytes came too fast to be read."""
        wanted = self._wanted(faults, syslog=syslog)
        self.tails = {path: self.tails.get(path) or Tail(path, fresh=not self.first) for path in wanted}
        budget = max(LEAST_BYTES, MOST_BYTES // max(1, len(wanted)))
        skipped, until = 0, time.monotonic() + MOST_SECONDS
        for path, patterns in wanted.items():
            tail = self.tails[path]

            def take(lines: bytes, patterns: list[Pattern] = patterns) -> None:
                small = lines.lower()
                for one in patterns:
                    counts[one.name] = counts.get(one.name, 0) + one.in_lines(small)

            try:
                tail.read(budget, take, until)
                tail.missed = 0
            except FileNotFoundError:
                tail.missed += 1  # about to be made again, or gone
            except OSError as error:
                faults.append(f"{path} cannot be read ({error.strerror})")
                continue
            for one in patterns:
                counts.setdefault(one.name, 0)
            skipped += tail.skipped
            tail.skipped = 0
        return skipped

    def _wanted(self, faults: list[str], *, syslog: bool) -> dict[str, list[Pattern]]:
        """The files there are, each with what is looked for in it."""
        found: dict[str, list[Pattern]] = {}
        for one in self.patterns:
            for place in one.files:
                if place in SYSLOG and one.journal and not syslog:
                    continue
                paths = sorted(glob.glob(place)) if glob.has_magic(place) else [place]
                for path in paths:
                    if os.path.lexists(path) or self._awaited(path):
                        found.setdefault(path, []).append(one)
                    elif one.name not in DEFAULTS:
                        faults.append(f"{path} is not there")
        if len(found) > MOST_FILES:
            faults.append(f"more than {MOST_FILES} files; the others are not read")
        return dict(list(found.items())[:MOST_FILES])

    def _awaited(self, path: str) -> bool:
        """Whether a file that is not there was, not long ago: rotation takes a moment."""
        return path in self.tails and self.tails[path].missed < MOST_MISSED

    def _remember(self) -> None:
        """Go on where the last start ended: what came meanwhile counts over that time."""
        try:
            known = json.loads(read(self.memory) or "{}") if self.memory else {}
            away = time.time() - float(known["at"])
            self.journal.cursor = str(known["journal"])
            self.tails = {str(path): Tail(str(path), place) for path, place in dict(known["files"]).items()}
            self.away = min(away, LONGEST_AWAY) if away > 0 else 0.0
        except (ValueError, TypeError, KeyError):
            return  # none, or damaged: it begins at the present

    def _save(self, now: float) -> None:
        if not self.memory or (self.saved and now - self.saved < SAVED_EVERY):
            return
        self.saved = now
        files = {path: tail.known() for path, tail in self.tails.items() if tail.place}
        try:
            replace(self.memory, json.dumps({"at": time.time(), "journal": self.journal.cursor, "files": files}))
        except OSError as error:
            say(
                "logs kept",
                f"{self.memory} cannot be written ({error.strerror}); a restart begins at its own time.",
            )
