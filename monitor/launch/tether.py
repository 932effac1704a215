"""Runs a program that ends when its parent does, also when the parent is killed: `tether PARENT PROGRAM …`."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import NoReturn

PR_SET_PDEATHSIG = 1


def main() -> NoReturn:
    """Bind ourselves to the parent, then become the program; the bond outlives the exchange."""
    parent, *words = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):  # it died before we were bound
        sys.exit(1)
    os.execvp(words[0], words)  # noqa: S606 - no shell is what we want


def words(*program: str) -> list[str]:
    """How to start a program on a tether of this process.

    Linux ties the child to the *thread* that started it: that thread must live as long as the child may.
    """
    return [sys.executable, "-m", "monitor.launch.tether", str(os.getpid()), *program]


if __name__ == "__main__":
    main()
