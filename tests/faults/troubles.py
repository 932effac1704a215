"""What befalls a hub beside power cuts: a full disk, a database that is away, a clock that jumps."""

from __future__ import annotations

import errno
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.posting import Told
from tests.product import until
from tests.services import NotHere, Services

FAKETIME = ("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")
JUMPS = ("+1h", "-1h", "+1d", "-1d", "+370d")


@contextmanager
def small_disk(place: Path, mebibytes: int) -> Iterator[Path]:
    """A disk of its own, which root may mount."""
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=755", "tmpfs", str(place)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        raise NotHere("a small disk can only be mounted by root")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def full(disk: Path, seconds: float, ready: Callable[[], bool]) -> Callable[[Told], None]:
    """Not a byte is left for a while; then there is room again."""

    def trouble(told: Told) -> None:
        before, ballast = told.statuses[503], disk / "ballast"

        def filled() -> bool:
            _fill(ballast)
            return told.statuses[503] > before + 5

        until(filled, 40, "the answer that there is no room")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            _fill(ballast)
            time.sleep(0.1)
        taken = told.acknowledged
        ballast.unlink()
        until(lambda: told.acknowledged > taken + 10 and ready(), 30, "taking data again")

    return trouble


def _fill(ballast: Path) -> None:
    with suppress(OSError) as _, ballast.open("ab", buffering=0) as file:
        for size in (1 << 20, 4096):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


class Postgres(Services):
    """A server of our own, which may be stopped and started."""

    def begin(self) -> str:
        from tests.services import _postgres_programs

        programs = _postgres_programs()
        if programs is None:
            raise NotHere("PostgreSQL is missing (on Debian and Ubuntu: apt install postgresql)")
        return self._start_postgres(programs)

    def start(self, words: list[str], **more: Any) -> subprocess.Popen[bytes]:
        # A commit must outlive a power cut of the server, as it does in its own defaults.
        words = (
            [*words, "-c", "synchronous_commit=on"]
            if "-D" in words and words[-1] != "synchronous_commit=on"
            else words
        )
        self.words, self.more = words, more
        self.child = super().start(words, **more)
        return self.child

    def away(self, seconds: float) -> Callable[[Told], None]:
        """Stopped as an admin stops it, and once as a power cut does."""

        def trouble(told: Told) -> None:
            for how in (signal.SIGINT, signal.SIGKILL):
                before = told.statuses[503]
                self.child.send_signal(how)
                self.child.wait(20)
                until(partial(_more, told, before), 30, "the answer that it is away")
                time.sleep(seconds)
                taken = told.acknowledged
                self.start(self.words, **self.more)
                until(partial(_taken, told, taken), 60, "taking data again")
                time.sleep(3)

        return trouble


def _more(told: Told, before: int) -> bool:
    return told.statuses[503] > before + 5


def _taken(told: Told, before: int) -> bool:
    return told.acknowledged > before + 10


def ahead(folder: Path, seconds: int) -> dict[str, str]:
    """An environment whose clock is wrong by so much."""
    return {**_faked(folder), "FAKETIME": f"{seconds:+d}s"}


def _faked(folder: Path) -> dict[str, str]:
    library = next((path for path in FAKETIME if Path(path).exists()), None)
    if library is None:
        raise NotHere("libfaketime is missing (on Debian and Ubuntu: apt install faketime)")
    # Asked to leave the monotonic clock alone, the library refuses each sleep until a moment of it, as Python's are.
    (folder / "sitecustomize.py").write_text(
        "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds) and None\n"
    )
    alone = {"DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    return {"LD_PRELOAD": library, "PYTHONPATH": str(folder), **alone}


def jumping(folder: Path) -> tuple[dict[str, str], Callable[[Told], None]]:
    """An environment in which the clock can be set, and somebody who sets it."""
    clock = folder / "clock"
    clock.write_text("+0")
    environment = {**_faked(folder), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_CACHE_DURATION": "1"}

    def trouble(_: Told) -> None:
        for jump in JUMPS:
            for now in (jump, "+0"):
                clock.write_text(now)
                time.sleep(6)

    return environment, trouble
