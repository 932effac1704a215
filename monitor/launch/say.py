"""How the commands speak: steps with their seconds, trouble in one sentence."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Trouble(Exception):
    """What went wrong and what mends it, in one sentence; `code` is the exit status."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code


def line(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def trouble(error: Trouble) -> int:
    sys.stderr.write(f"{error}\n")
    sys.stderr.flush()
    return error.code


@contextmanager
def step(what: str) -> Iterator[None]:
    """Announce a step before it starts and its seconds when it ended."""
    started = time.monotonic()
    sys.stdout.write(f"  {what} … ")
    sys.stdout.flush()
    try:
        yield
    except BaseException:
        line("failed")
        raise
    line(f"{time.monotonic() - started:.1f} s")
