"""Other programs: run to their end with what they said kept, or become them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from monitor.launch import place, say

Words = Sequence[str | Path]


def run(words: Words, log: Path, *, dots: bool = True, env: Mapping[str, str] | None = None) -> int:
    """Run a program to its end, its output in `log`; a dot now and then shows that it lives."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        child = subprocess.Popen(  # noqa: S603 - our own words, no shell
            [str(word) for word in words], cwd=place.ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env,
            close_fds=False,  # only what was made inheritable passes: the lock of a setup
        )  # fmt: skip
        try:
            return wait(child, dots=dots)
        except BaseException:
            child.terminate()
            child.wait(10)
            raise


def wait(child: subprocess.Popen[bytes], *, dots: bool, every: float = 3) -> int:
    """Until it ends; a dot now and then shows that it lives."""
    shown = time.monotonic()
    while True:
        try:
            return child.wait(0.5)
        except subprocess.TimeoutExpired:
            if dots and time.monotonic() - shown > every:
                shown = time.monotonic()
                say.write(". ")


def answer(words: Words, *, seconds: float = 20) -> str | None:
    """What a program prints, or None when it is missing, fails or takes too long."""
    try:
        done = subprocess.run(  # noqa: S603 - our own words, no shell
            [str(word) for word in words],
            cwd=place.ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def become(words: Words, *, stay: bool = False) -> NoReturn:
    """Replace this process, so that signals and the exit status go straight to the product.

    `stay` leaves it in the folder of whoever called, for commands that name files.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    if not stay:
        os.chdir(place.ROOT)
    os.execv(str(words[0]), [str(word) for word in words])  # noqa: S606 - no shell is what we want
