"""A process of its own for what needs much memory or the learning packages: niced, bounded, ended with its parent."""

from __future__ import annotations

import ctypes
import os
import resource
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from django.conf import settings

MOST_BYTES = 300 << 20
NICE = 15
PARENT = "WATCHKEEPER_CHILD_OF"
GRACE = 2.0
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
        program, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=env, cwd=settings.ROOT
    )
    with _lock:
        _running.add(child)
    try:
        return _listen(child, time.monotonic() + seconds, heard or _deaf)
    finally:
        _end(child)
        with _lock:
            _running.discard(child)


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
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < MOST_BYTES * 0.9


_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


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
