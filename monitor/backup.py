"""`backup FILE`: data, keys and certificates in one file, consistent while the product goes on writing."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import django
from django.db import connection

from monitor import env, loading, upgrade
from monitor.env import Environment
from monitor.launch import say
from monitor.launch.say import Trouble

FORMAT = 1
# What a machine needs to be the same one again; logs, copies and the agent's spool are not.
KEYS = ("secret_key", "first_password", "tls", "agent/agent.json")
TOOLS = "PostgreSQL's own programs are needed for this. On Debian and Ubuntu: apt install postgresql-client"


def main(arguments: Sequence[str]) -> int:
    try:
        _back_up(environment(), Path(arguments[0]).absolute())
    except Trouble as error:
        return say.trouble(error)
    except OSError as error:
        return say.trouble(
            Trouble(f"The backup could not be written ({error.strerror}). Name a file on a disk with room.")
        )
    return 0


def environment() -> Environment:
    """The environment and Django, for commands that work beside or instead of the product."""
    try:
        found = env.read()
    except env.Wrong as wrong:
        raise Trouble(f"Watchkeeper cannot do this. {wrong}", code=2) from wrong
    os.environ["DJANGO_SETTINGS_MODULE"] = "monitor.settings"
    loading.begin()
    django.setup()
    loading.end()
    return found


def _back_up(environment: Environment, target: Path) -> None:
    if target.exists():
        raise Trouble(f"{target} exists already. Name another file; a backup never overwrites one.")
    file = upgrade.sqlite_file()
    if file is not None and not file.exists():
        raise Trouble(
            f"There is nothing to back up yet: {file} does not exist. WATCHKEEPER_DATA names the data folder."
        )
    part = target.with_name(f"{target.name}.part")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".watchkeeper-") as folder, upgrade.reachable():
            with say.step("Copying the database"):
                database, migrations = _sqlite(file, Path(folder)) if file else _postgres(Path(folder))
            with say.step("Packing"):
                _pack(part, environment.data, database, migrations)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    say.line(f"Backed up to {target} ({target.stat().st_size >> 10} KiB). It holds keys: keep it safe.")


def _sqlite(file: Path, folder: Path) -> tuple[Path, list[list[str]]]:
    copy = folder / "database.sqlite3"
    try:
        upgrade.copy_sqlite(file, copy)
        with closing(sqlite3.connect(copy)) as database:
            rows = database.execute("SELECT app, name FROM django_migrations ORDER BY id").fetchall()
    except sqlite3.Error as error:
        raise Trouble(
            f"The database {file} could not be copied ({error}). Free disk space, or run ./watchkeeper doctor."
        ) from error
    return copy, [list(row) for row in rows]


def _postgres(folder: Path) -> tuple[Path, list[list[str]]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations ORDER BY id")
        rows = [list(row) for row in cursor.fetchall()]
    copy = folder / "database.sql"
    run_postgres(["pg_dump", "--no-owner", "--no-privileges", "--file", str(copy)])
    return copy, rows


def run_postgres(words: list[str]) -> None:
    """One of PostgreSQL's programs on our database; the password never stands on a command line."""
    settings = connection.settings_dict
    names = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD", "PGDATABASE": "NAME"}
    given = {name: str(settings[key]) for name, key in names.items() if settings[key]}
    try:
        done = subprocess.run(  # noqa: S603 - our own words, no shell
            words, env={**os.environ, **given}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise Trouble(TOOLS) from error
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise Trouble(f"{words[0]} failed ({lines[-1][:200] if lines else 'no reason given'}). Nothing was changed.")


def _pack(part: Path, data: Path, database: Path, migrations: list[list[str]]) -> None:
    manifest = database.with_name("manifest.json")
    made = datetime.now(UTC).isoformat(timespec="seconds")
    manifest.write_text(json.dumps({"format": FORMAT, "made": made, "migrations": migrations}), encoding="utf-8")
    part.unlink(missing_ok=True)  # left by one that was killed
    # Never through a name that somebody put there meanwhile: it would get all our keys.
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        with tarfile.open(
            fileobj=out, mode="w:gz" if ".gz" in part.suffixes or ".tgz" in part.suffixes else "w"
        ) as tar:
            tar.add(manifest, "manifest.json")
            tar.add(database, database.name)
            for name in KEYS:
                if (data / name).exists():
                    tar.add(data / name, name)
        out.flush()
        os.fsync(out.fileno())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
