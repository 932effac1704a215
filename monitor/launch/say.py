"""How the commands speak: steps with their seconds, trouble in one sentence."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Trouble(Exception):
    """What went wrong and what mends it, in one sentence; `code` is the exit status."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code


def write(text: str) -> bool:
    """Whether somebody may have read it: a closed terminal or pipe must not stop what speaks."""
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a terminal may lack our dots and dashes
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):  # full or gone, closed, never there
        return False
    return True


def line(text: str = "") -> bool:
    return write(f"{text}\n")


def trouble(error: Trouble) -> int:
    sys.stderr.write(f"{error}\n")
    sys.stderr.flush()
    return error.code


@contextmanager
def step(what: str) -> Iterator[None]:
    """Announce a step before it starts and its seconds when it ended."""
    started = time.monotonic()
    write(f"  {what} … ")
    try:
        yield
    except BaseException:
        line("failed")
        raise
    line(f"{time.monotonic() - started:.1f} s")
