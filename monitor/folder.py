"""The data folder: made, tried, and held by one process at a time."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import stat
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from monitor.launch.say import Trouble

LEAST_FREE = 64 << 20
LOOK_WAIT = 0.5  # a doctor's look, or a holder that has not written its name yet
FIRST_PASSWORD = "first_password"  # noqa: S105 - the name of a file
DECIDED = "restoring"  # a folder of this name is a whole backup, checked, on its way into place
PROOF = {"secret_key", "watchkeeper.sqlite3", DECIDED}  # nobody else has these
OURS = {
    "agent",
    "copies",
    "lock",
    "logs",
    "reports",
    "tls",
    "wheels",
    FIRST_PASSWORD,
    "first_password.new",
    "restoring.part",
    "lost+found",
}
STOP_WAIT = 5.0  # a product that is stopping needs this long at most


def prepare(data: Path) -> None:
    """Make the folder ours alone and prove that we can write there."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        _refuse_foreign(data)
        if data.stat().st_mode & 0o077:
            data.chmod(0o700)
        for name in ("logs", "agent"):
            (data / name).mkdir(exist_ok=True, mode=0o700)
        _try_writing(data / f".try.{os.getpid()}")
    except OSError as error:
        raise Trouble(_sentence(data, error)) from error
    free = shutil.disk_usage(data).free
    if free < LEAST_FREE:
        raise Trouble(
            f"The disk of the data folder {data} is full ({free >> 20} MiB free). "
            f"Free at least {LEAST_FREE >> 20} MiB there, or point WATCHKEEPER_DATA at a larger disk."
        )


def sync(data: Path) -> None:
    """See a folder's names on the disk."""
    descriptor = os.open(data, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_foreign(data: Path) -> None:
    """A folder with other things than ours, or shared like /tmp, is never closed to others nor filled."""
    names = {file.name for file in data.iterdir() if not file.name.startswith(".")}
    ours = bool(names & PROOF) or names <= OURS
    if not ours or data.stat().st_mode & stat.S_ISVTX:
        raise Trouble(
            f"The data folder {data} holds other things than Watchkeeper's or is shared with others. "
            f"Point WATCHKEEPER_DATA at a new or empty folder, such as {data / 'watchkeeper'}."
        )


def _try_writing(file: Path) -> None:
    try:
        with file.open("wb") as out:
            out.write(b"x" * 65536)
            out.flush()
            os.fsync(out.fileno())
    finally:
        file.unlink(missing_ok=True)


def _sentence(data: Path, error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return (
            f"The disk of the data folder {data} is full. Free some space there, or point WATCHKEEPER_DATA elsewhere."
        )
    reason = (error.strerror or "unknown reason").lower()
    return (
        f"The data folder {data} cannot be used ({reason}). Give this user the right to read and write it, "
        f"or point WATCHKEEPER_DATA at another folder such as /var/lib/watchkeeper."
    )


@dataclass(frozen=True)
class Holder:
    """Who holds the folder, as written by itself."""

    pid: int = 0
    since: str = "an unknown time"
    address: str = "an unknown address"
    stopping: bool = False


class Hold:
    """The lock on a data folder. The kernel drops it with the process, so no stale file can stand in the way."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.file: IO[str] | None = None

    def take(self, address: str) -> Hold:
        """Hold the folder or say who does; one that is stopping is waited for."""
        started = time.monotonic()
        while (holder := self._try(address)) is not None:
            if time.monotonic() - started > (STOP_WAIT if holder.stopping else LOOK_WAIT):
                raise Trouble(
                    f"Watchkeeper already runs on {self.data}: process {holder.pid}, since {holder.since}, "
                    f"at {holder.address}. Stop that one first, or give this one its own WATCHKEEPER_DATA."
                )
            time.sleep(0.1)
        return self

    def _try(self, address: str) -> Holder | None:
        file = (self.data / "lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return holder(self.data)
        self.file = file
        self._write(Holder(os.getpid(), datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), address))
        return None

    def stopping(self) -> None:
        """Tell a successor that waiting is worth it."""
        self._write(Holder(**{**vars(holder(self.data)), "stopping": True}))

    def release(self) -> None:
        if self.file is not None:
            self.file.close()
            self.file = None

    def fileno(self) -> int:
        assert self.file is not None, "the folder is not held"  # noqa: S101 - a fault of ours, not of a person
        return self.file.fileno()

    def _write(self, holder: Holder) -> None:
        if self.file is not None:
            self.file.seek(0)
            self.file.truncate()
            json.dump(vars(holder), self.file)
            self.file.flush()


def holder(data: Path) -> Holder:
    """What the last holder wrote; nothing while it is still writing."""
    try:
        return Holder(**json.loads((data / "lock").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Holder()


def held(data: Path) -> Holder | None:
    """Who holds the folder now, without taking it for longer than a look."""
    try:
        with (data / "lock").open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except OSError:
        return holder(data)
    return None


def finish_restore(data: Path) -> bool:
    """Put a decided restore in place; may be cut off and called again."""
    decided = data / DECIDED
    if not decided.exists():
        return False
    database, path = decided / "database.sqlite3", decided / "database.path"
    if database.exists():
        target = Path(path.read_text(encoding="utf-8"))
        for end in ("-wal", "-shm"):  # they belong to the database that goes
            target.with_name(target.name + end).unlink(missing_ok=True)
        _move(database, target)
    path.unlink(missing_ok=True)
    for file in sorted(file for file in decided.rglob("*") if file.is_file()):
        target = data / file.relative_to(decided)
        if file.name == FIRST_PASSWORD and not file.stat().st_size:  # none waits in what was restored
            target.unlink(missing_ok=True)
            continue
        target.parent.mkdir(exist_ok=True, mode=0o700)
        _move(file, target)
    shutil.rmtree(decided)
    return True


def _move(file: Path, target: Path) -> None:
    """A rename, also where the target is on another disk."""
    file.chmod(0o600)
    try:
        file.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        fresh = target.with_name(f"{target.name}.new")
        shutil.copy2(file, fresh)
        fresh.replace(target)
        file.unlink()
