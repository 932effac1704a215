"""A child process that is kept alive: started again when it ends, ended when we do."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from monitor.launch import place

log = logging.getLogger(__name__)
LOG_LIMIT = 4 << 20
SOONEST, LATEST = 2.0, 60.0  # seconds before a child that ended is started again
SETTLED = 60.0  # one that lived this long was well: its end is no part of a row of failures


def last_line(log: Path) -> str:
    """What a child said last."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((" ".join(line.split())[:200] for line in reversed(lines) if line.strip()), "")


class Kept:
    """One child. `run` belongs on a thread of its own, because a tether is tied to the thread that starts it."""

    def __init__(
        self, words: Sequence[str], *, log: Path | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self.words, self.log, self.env = list(words), log, env
        self.ended = threading.Event()
        self.child: subprocess.Popen[bytes] | None = None
        self.guard = threading.Lock()

    def run(self) -> None:
        """Keep it alive until told to end."""
        pause = SOONEST
        while not self.ended.is_set():
            if self._lived() > SETTLED:
                pause = SOONEST
            self.ended.wait(pause)
            pause = min(pause * 2, LATEST)

    def _lived(self) -> float:
        """Start the child, see it end, and say how long it lived; no memory or a full disk is no end of keeping."""
        started = time.monotonic()
        try:
            if child := self._start():
                child.wait()
                if child.stdin:
                    child.stdin.close()
        except OSError as error:
            log.warning("A child process could not be started (%s); it is tried again.", error)
        return time.monotonic() - started

    def _start(self) -> subprocess.Popen[bytes] | None:
        with self.guard, contextlib.ExitStack() as stack:
            if self.ended.is_set():
                return None
            out = stack.enter_context(self._rotated(self.log)) if self.log else None
            # Standard input stays open as long as we live: its end tells a child of ours that we are gone.
            self.child = subprocess.Popen(  # noqa: S603 - our own words, no shell
                self.words, cwd=place.ROOT, stdin=subprocess.PIPE, stdout=out, stderr=out, env=self.env
            )
            return self.child

    def _rotated(self, log: Path) -> IO[bytes]:
        with contextlib.suppress(OSError):
            if log.stat().st_size > LOG_LIMIT:
                log.replace(log.with_suffix(".log.1"))
        return log.open("ab")

    def again(self) -> None:
        """End the child, so that `run` starts it anew."""
        with self.guard:
            if self.child is not None:
                self.child.terminate()

    def tell(self) -> None:
        """Ask the child to end, without waiting."""
        with self.guard:
            self.ended.set()
            if self.child is not None:
                self.child.terminate()

    def stop(self, seconds: float = 1.5) -> None:
        """See the child end; bounded."""
        self.tell()
        if self.child is not None:
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.child.kill()
