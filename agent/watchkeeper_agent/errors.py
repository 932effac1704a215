"""What can go wrong, as one sentence that says what to do, and where it is said."""

from __future__ import annotations

import contextlib
import os
import sys
import time

LARGEST = 1 << 20


class Trouble(Exception):
    """Something a person must mend; its text is the sentence they read."""


_said: dict[str, str] = {}


def say(subject: str, text: str) -> None:
    """One line on standard error; the same text about the same subject is said once, until it changes."""
    if _said.get(subject) == text:
        return
    _said[subject] = text
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    # The log may be on the disk that is full: what cannot be said must not end who says it.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"{stamp} {text}\n")
        sys.stderr.flush()


def say_into(path: str) -> None:
    """What Windows starts without a window has no standard error: a file takes its place, begun anew when large."""
    with contextlib.suppress(OSError):
        large = os.path.exists(path) and os.path.getsize(path) > LARGEST
        sys.stderr = open(path, "w" if large else "a", encoding="utf-8", errors="replace")  # noqa: SIM115 - for good


def unsay(subject: str) -> None:
    """It is mended: the next trouble is news again."""
    _said.pop(subject, None)


def said() -> dict[str, str]:
    """The last sentence about each subject."""
    return dict(_said)
