"""Bringing the database up to this version: refuse a newer one, copy SQLite first, then migrate on its own."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from monitor import folder
from monitor.launch import place, process, say, tether
from monitor.launch.say import Trouble

KEEP_COPIES = 3


def bring_up(data: Path, hold: folder.Hold) -> None:
    """Leave the database at this version, or as it was before."""
    file = sqlite_file()
    existed = file is not None and file.exists()
    with reachable():
        found = state()
    if found.unknown:
        raise Trouble(
            f"The database is newer than this version of Watchkeeper (it holds {found.unknown[0]}). "
            f"Run the version that made it, or restore a backup of before the upgrade: ./watchkeeper restore FILE."
        )
    if not found.pending:
        return
    # Also a file without migrations may be somebody's: what is in it is kept, and the file is never deleted.
    before = _copy(file, data) if file and existed and _holds_something(file) else None
    with say.step(f"Upgrading the database ({found.pending} steps)" if found.applied else "Making the database"):
        try:
            _migrate(data, hold)
        except BaseException:
            _put_back(before, file, existed=existed)
            raise


@dataclass(frozen=True)
class State:
    """How the database's migrations and the code's compare."""

    applied: int
    pending: int
    unknown: list[str]  # the database has them and the code does not know them


def state() -> State:
    try:
        executor = MigrationExecutor(connection)
        loader = executor.loader
        unknown = set(loader.applied_migrations) - set(loader.disk_migrations)
        pending = executor.migration_plan(loader.graph.leaf_nodes())
        return State(len(loader.applied_migrations), len(pending), sorted(map(".".join, unknown)))
    finally:
        connection.close()


@contextmanager
def reachable() -> Iterator[None]:
    """Turn what a database driver says into one sentence without the password."""
    try:
        yield
    except DatabaseError as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        named = connection.settings_dict
        if connection.vendor == "sqlite":
            raise Trouble(
                f"The database file {named['NAME']} cannot be used ({reason}). "
                f"Free disk space and check its rights, or bring a backup back: ./watchkeeper restore FILE."
            ) from error
        raise Trouble(
            f"The database {named['NAME']} on {named['HOST']} cannot be used ({reason}). "
            f"Start it, or correct DATABASE_URL, such as postgres://user:pass@db.example.org/watchkeeper."
        ) from error


def sqlite_file() -> Path | None:
    """The database's file, or None when it is a server's."""
    database = settings.DATABASES["default"]
    return Path(database["NAME"]) if database["ENGINE"].endswith("sqlite3") else None


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy, whoever writes meanwhile; what is only half there is taken away."""
    target.unlink(missing_ok=True)
    target.touch(mode=0o600)
    try:
        with closing(sqlite3.connect(source, timeout=30)) as live, closing(sqlite3.connect(target)) as copy:
            live.backup(copy, pages=4096, sleep=0.01)
            copy.execute("PRAGMA journal_mode=DELETE")
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _copy(file: Path, data: Path) -> Path:
    copies = data / "copies"
    copies.mkdir(exist_ok=True, mode=0o700)
    target = copies / f"before-{datetime.now(UTC):%Y%m%d-%H%M%S}.sqlite3"
    with say.step("Copying the database before its upgrade"):
        try:
            copy_sqlite(file, target)
        except (sqlite3.Error, OSError) as error:
            raise Trouble(
                f"The database could not be copied before its upgrade ({error}). "
                f"Free at least {file.stat().st_size >> 20} MiB in {copies} and start again; nothing was changed."
            ) from error
    for old in sorted(copies.glob("before-*.sqlite3"))[:-KEEP_COPIES]:
        old.unlink()
    return target


def _holds_something(file: Path) -> bool:
    try:
        with closing(sqlite3.connect(file, timeout=30)) as database:
            return database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is not None
    except sqlite3.Error:
        return True  # it is copied or refused with its reason


def _put_back(before: Path | None, file: Path | None, *, existed: bool) -> None:
    if file is None:
        return
    if not existed:
        for part in (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm"))):
            part.unlink(missing_ok=True)
        return
    with closing(sqlite3.connect(before or ":memory:")) as copy, closing(sqlite3.connect(file, timeout=30)) as live:
        copy.backup(live)


def _migrate(data: Path, hold: folder.Hold) -> None:
    """Its own process, ended with ours and holding the folder's lock until it has ended."""
    log = data / "logs" / "migrate.log"
    with log.open("wb") as out:
        child = subprocess.Popen(  # noqa: S603 - our own words, no shell
            # Checks are for whoever changes the code, and would load every address of ours first.
            tether.words(sys.executable, "manage.py", "migrate", "--no-input", "--skip-checks"),
            cwd=place.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            pass_fds=(hold.fileno(),),
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "monitor.settings"},
        )
        try:
            ended = process.wait(child, dots=True, every=1)
        except BaseException:
            child.kill()
            child.wait()
            raise
    if ended:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise Trouble(
            f"The database could not be brought to this version ({lines[-1][:200] if lines else 'no reason given'}). "
            f"{_left()} {log} has the whole story."
        )


def _left() -> str:
    """What a failed upgrade leaves and what mends it."""
    if sqlite_file():
        return "It is as it was before: free disk space and start again, or run the version before."
    return (
        "On PostgreSQL the steps that succeeded stay: mend the cause and start again, which goes on from there, "
        "or restore a backup of before the upgrade: ./watchkeeper restore FILE."
    )
