"""A child process for what is slow or not ours: argv only, niced, with an end to its time and its output."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from typing import Any

from watchkeeper_agent.collectors.base import Absent

MOST_OUTPUT = 1 << 20
_running: set[subprocess.Popen[bytes]] = set()
_ends: list[float] = []  # when everything was ended
PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Ended:
    """How a child ended; `code` is None when its time or its output was over the limit."""

    def __init__(self, code: int | None, text: str, seconds: float) -> None:
        self.code = code
        self.text = text
        self.seconds = seconds


def which(program: str) -> str | None:
    """Where a program of the system is: in the system's own folders, whatever our environment says."""
    if sys.platform == "win32":
        import shutil  # noqa: PLC0415 - there alone

        return shutil.which(program)
    for folder in PATHS.split(":"):
        path = f"{folder}/{program}"
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return None


def run(argv: list[str], *, seconds: float = 60.0, limit: int = MOST_OUTPUT, user: str | None = None) -> Ended:
    """Run to its end, or end it with everything it started."""
    began, ends = time.monotonic(), len(_ends)
    more: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        more = {"creationflags": 0x08000000 | 0x00004000}  # no window, below normal priority
    environment = {**os.environ, "LC_ALL": "C", "PATH": os.environ["PATH"] if sys.platform == "win32" else PATHS}
    environment.pop("WATCHKEEPER_TOKEN", None)
    try:
        if user:
            more |= {"user": user, "group": _group(user), "extra_groups": []}
        child = subprocess.Popen(  # noqa: S603 - argv of ours or of the machine's owner, never a shell
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment, cwd=os.path.abspath(os.sep), **more,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError, LookupError) as error:
        raise Absent(f"{argv[0]} cannot be run: {error}") from error
    _running.add(child)
    if len(_ends) != ends:
        _kill(child)  # the agent stopped before it could know of this one
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, child.pid, 19)
    try:
        return _heard(child, began, seconds, limit)
    finally:
        _running.discard(child)


def end_all() -> None:
    """The agent stops: nothing it started stays behind."""
    _ends.append(time.monotonic())
    for child in list(_running):
        _kill(child)


def _heard(child: subprocess.Popen[bytes], began: float, seconds: float, limit: int) -> Ended:
    if sys.platform == "win32":
        text, whole = _talk(child, seconds)
    else:
        text, whole = _listen(child, began + seconds, limit)
    code = child.poll() if whole else None
    if not whole:
        _end(child)
    return Ended(code, text.decode(errors="replace").replace("\0", "\ufffd"), time.monotonic() - began)


def _group(user: str) -> int:
    import pwd  # noqa: PLC0415 - not on Windows

    return pwd.getpwnam(user).pw_gid


def _listen(child: subprocess.Popen[bytes], until: float, limit: int) -> tuple[bytes, bool]:
    """Its output, and whether it came to an end by itself within time and limit."""
    assert child.stdout is not None  # noqa: S101 - asked for above
    parts: list[bytes] = []
    size = 0
    with child.stdout:
        while True:
            rest = until - time.monotonic()
            if rest <= 0 or not select.select([child.stdout], [], [], rest)[0]:
                return b"".join(parts), False
            part = os.read(child.stdout.fileno(), 65536)
            size += len(part)
            if not part:
                break
            if size > limit:
                return b"".join(parts), False
            parts.append(part)
    try:
        child.wait(max(0.1, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        return b"".join(parts), False
    return b"".join(parts), True


def _talk(child: subprocess.Popen[bytes], seconds: float) -> tuple[bytes, bool]:
    try:
        return child.communicate(timeout=seconds)[0], True
    except subprocess.TimeoutExpired:
        child.kill()
        return child.communicate()[0], False


def _end(child: subprocess.Popen[bytes]) -> None:
    _kill(child)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(5)


def _kill(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            child.kill()
        else:
            os.killpg(child.pid, signal.SIGKILL)
