"""A process of its own for what needs much memory or the learning packages: niced, bounded, ended with its parent."""

from __future__ import annotations

import ctypes
import logging
import os
import resource
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from django.conf import settings

from core.jsonlog import redact

log = logging.getLogger(__name__)

MOST_BYTES = 300 << 20
NICE = 15
PARENT = "WATCHKEEPER_CHILD_OF"
GRACE = 2.0
LAST_LINES = 8  # of what it said on standard error are told with its failure
LONGEST_LINE = 400
_PR_SET_PDEATHSIG = 1
_running: set[subprocess.Popen[bytes]] = set()
_lock = threading.Lock()
_ending = threading.Event()


def run(words: list[str], *, seconds: float, heard: Callable[[str], None] | None = None) -> int:
    """`manage.py` with these words: its code. Its lines are heard, its silence too; time over is its end.

    Linux ties a child to the thread that started it: call this where the thread waits, as it does here.
    """
    env = {**os.environ, PARENT: str(os.getpid())} | dict.fromkeys(_ONE_THREAD, "1")
    program = [sys.executable, str(settings.ROOT / "manage.py"), *words]
    child = subprocess.Popen(  # noqa: S603 - our own program
        program, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
        cwd=settings.ROOT,
    )  # fmt: skip
    last: deque[str] = deque(maxlen=LAST_LINES)
    echo = threading.Thread(target=_echo, args=(child.stderr, last), name="child-stderr", daemon=True)
    echo.start()
    with _lock:
        _running.add(child)
    try:
        code = _listen(child, time.monotonic() + seconds, heard or _deaf)
    finally:
        _end(child)
        echo.join(GRACE)
        with _lock:
            _running.discard(child)
    if code != 0 and not _ending.is_set():
        why = " | ".join(last) or "it said nothing"
        log.warning("%s ended with %s: %s", words[0], code if code >= 0 else "its time over or a signal", why)
    return code


def end_all() -> None:
    """The product stops: nothing it started stays behind."""
    _ending.set()
    with _lock:
        for child in _running:
            with suppress(ProcessLookupError):
                child.send_signal(signal.SIGTERM)


def begin() -> None:
    """At the start of the product: children may run again."""
    _ending.clear()


def bind() -> None:
    """In the child, first of all: low priority, and an end when the parent ends, also when that is killed."""
    parent = os.environ.get(PARENT)
    os.nice(NICE)
    if parent is None:  # started by hand
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        sys.exit(1)


def room() -> bool:
    """In the child: whether it has not grown beyond what it may; the parent starts a fresh one."""
    return _most_bytes() < MOST_BYTES * 0.9


def _most_bytes() -> int:
    """The most it ever held. getrusage's figure begins with that of the process which started this one."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def _echo(pipe: IO[bytes], last: deque[str]) -> None:
    """What it says goes where ours goes, and the last of it is remembered."""
    with pipe:
        for line in pipe:
            with suppress(OSError):
                os.write(2, line)
            if text := redact(line.decode(errors="replace").strip()):
                last.append(text[-LONGEST_LINE:])


def _deaf(_line: str) -> None:
    """What is said is not heard."""


def _listen(child: subprocess.Popen[bytes], end: float, heard: Callable[[str], None]) -> int:
    assert child.stdout is not None  # noqa: S101 - a pipe was asked for
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while time.monotonic() < end and not _ending.is_set():
            if selector.select(timeout=0.5):
                line = child.stdout.readline()
                if not line:
                    return child.wait()
                heard(line.decode(errors="replace").strip())
            else:
                heard("")
    return -1


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(GRACE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    if child.stdout is not None:
        child.stdout.close()
