"""New entries of systemd's journal, asked of journalctl from a remembered place on."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterator
from typing import Any, Optional

from watchkeeper_agent.collectors.base import Absent
from watchkeeper_agent.collectors.child import run, which

MOST_BYTES = 1 << 20
SECONDS = 10.0
PATIENCE = 3  # rounds in a row that did not reach the end
WORDS = ("--output=json", "--output-fields=MESSAGE,PRIORITY", "--no-pager", "--quiet")
Entry = tuple[bytes, Optional[int]]
PLACES = ("/var/log/journal/*/system.journal", "/run/log/journal/*/system.journal")


class Journal:
    """Where we are in it. What comes faster than it can be read is left out, and said."""

    def __init__(self, cursor: str = "") -> None:
        self.cursor = cursor
        self.behind = 0
        self.trouble = ""

    def read(self) -> list[Entry]:
        """What is new; nothing the first time, which only finds the present."""
        program = usable()
        self.trouble = ""
        if not self.cursor:
            self._to_the_end(program)
            return []
        words = [program, *WORDS, f"--after-cursor={self.cursor}"]
        told = run(words, seconds=SECONDS, limit=MOST_BYTES)
        if told.code not in (None, 0):
            self.cursor = ""  # of a journal that is gone
            return []
        found = list(self._entries(told.text, whole=told.code == 0))
        self.behind = 0 if told.code == 0 else self.behind + 1
        if self.behind >= PATIENCE or (told.code is None and not found):
            self.trouble = "the journal grows faster than it is read, so a part of it was not counted"
            self.behind = 0
            self._to_the_end(program)
        return found

    def _to_the_end(self, program: str) -> None:
        """An empty one has no end to begin at; it is asked again."""
        told = run([program, *WORDS, "--lines=1"], seconds=SECONDS, limit=MOST_BYTES)
        for _ in self._entries(told.text, whole=told.code == 0):
            pass

    def _entries(self, text: str, *, whole: bool) -> Iterator[Entry]:
        lines = text.split("\n")
        for line in lines if whole else lines[:-1]:
            try:
                told: dict[str, Any] = json.loads(line)
                self.cursor = str(told["__CURSOR"])
            except (ValueError, KeyError, TypeError):
                continue
            yield _message(told.get("MESSAGE")), _level(told.get("PRIORITY"))


def usable() -> str:
    """journalctl's path; Absent where there is none, or where it would show us nothing but our own entries."""
    program = which("journalctl")
    if program is None:
        raise Absent("")
    journals = [path for place in PLACES for path in glob.glob(place)]
    if not journals:
        raise Absent("")
    if not any(os.access(path, os.R_OK) for path in journals):
        raise Absent("The journal cannot be read: add the agent's user to the group systemd-journal.")
    return program


def _message(told: Any) -> bytes:
    """Text, bytes where it is none, or nothing where it is longer than journalctl shows."""
    if isinstance(told, str):
        return told.encode(errors="replace")
    if isinstance(told, list) and all(isinstance(one, int) and 0 <= one < 256 for one in told):
        return bytes(told)
    return b""


def _level(told: Any) -> int | None:
    return int(told) if isinstance(told, str) and told.isdecimal() and len(told) == 1 else None
