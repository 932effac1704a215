"""One agent on one spool: two would tear it."""

from __future__ import annotations

import os
import sys
import time

from watchkeeper_agent.errors import Trouble

LOCK_PATIENCE = 5.0
_held: list[int] = []  # for as long as this process lives


def lock(folder: str) -> None:
    """A second agent waits a moment, then says so; a folder that cannot be used is told by the spool."""
    if _held:
        return
    descriptor = os.open(f"{folder}/lock", os.O_RDWR | os.O_CREAT, 0o600)
    patience = time.monotonic() + LOCK_PATIENCE
    while not locked(descriptor):
        if time.monotonic() > patience:
            os.close(descriptor)
            raise Trouble(f"Another agent runs with the spool {folder} already. Stop that one first.")
        time.sleep(0.2)
    _held.append(descriptor)


def is_locked(folder: str) -> bool:
    """Whether an agent runs with this spool now."""
    try:
        descriptor = os.open(f"{folder}/lock", os.O_RDWR)
    except OSError:
        return False
    try:
        return not locked(descriptor)
    finally:
        os.close(descriptor)


def locked(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - there is only one of the two

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - as above

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
