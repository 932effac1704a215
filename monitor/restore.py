"""`restore FILE`: bring a backup back, wholly or not at all.

It is unpacked and checked beside the data; one rename then decides that it will be put in place, and
whoever comes next (`folder.finish_restore`, also called by `up`) completes what was cut off.
"""

from __future__ import annotations

import gzip
import io
import json
import lzma
import os
import shutil
import sqlite3
import sys
import tarfile
import zlib
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection
from django.db.migrations.loader import MigrationLoader

from monitor import backup, folder, upgrade
from monitor.env import Environment
from monitor.launch import say
from monitor.launch.say import Trouble

DATABASES = {"database.sqlite3": "SQLite", "database.sql": "PostgreSQL"}
FILES = {"manifest.json", *DATABASES, *backup.KEYS} - {"tls"}
DAMAGED = (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, ValueError)


def main(arguments: Sequence[str]) -> int:
    try:
        _restore(backup.environment(), Path(arguments[0]).absolute())
    except Trouble as error:
        return say.trouble(error)
    except OSError as error:
        reason = f"{error.strerror} ({error.filename})" if error.filename else str(error.strerror)
        return say.trouble(Trouble(f"The backup could not be restored: {reason}. Free space and run this again."))
    return 0


def _restore(environment: Environment, source: Path) -> None:
    data = environment.data
    folder.prepare(data)
    hold = folder.Hold(data).take("no address: it restores a backup")
    beside = data / "restoring.part"
    shutil.rmtree(beside, ignore_errors=True)
    try:
        with say.step("Unpacking and checking"):
            _unpack(source, beside)
            manifest = _checked(source, beside)
            _keep_present(data)
        with upgrade.reachable(), say.step("Putting it in place"):
            shutil.rmtree(data / folder.DECIDED, ignore_errors=True)
            _put_in_place(beside, data)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        hold.release()
    say.line(f"Restored the backup of {manifest['made']}. Start with ./watchkeeper up")


def _unpack(source: Path, beside: Path) -> None:
    beside.mkdir(mode=0o700)
    try:
        with tarfile.open(source) as tar:
            for member in tar:
                _extract(tar, member, beside)
    except FileNotFoundError as error:
        raise Trouble(f"{source} does not exist. Name a file that ./watchkeeper backup made.") from error
    except DAMAGED as error:
        why = " ".join(str(error).split())
        # Of what no kind of archive is, every kind tells a line of its own.
        why = "" if isinstance(error, tarfile.ReadError) and "method " in why else f" ({why})"
        raise Trouble(f"{source} is no backup of Watchkeeper, or damaged{why}. Nothing was changed.") from error


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, beside: Path) -> None:
    """One file or folder of ours. Written out, because tarfile's own filter came with Python 3.11.4 only."""
    if member.isdir() and member.name in backup.KEYS:
        return
    target = beside / member.name
    if not member.isfile() or not _ours(member.name) or target.exists():
        raise tarfile.TarError(f"{member.name} does not belong there")
    content = tar.extractfile(member)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with target.open("xb") as out:
        shutil.copyfileobj(content or io.BytesIO(), out)


def _ours(name: str) -> bool:
    """One of our files by its exact name, or one right in the certificates' folder."""
    folder, _, file = name.partition("/")
    return name in FILES or (folder == "tls" and "/" not in file and file not in {"", ".", ".."})


def _checked(source: Path, beside: Path) -> dict[str, str]:
    """The backup is whole, not newer than us, and for the kind of database that is configured."""
    try:
        manifest = json.loads((beside / "manifest.json").read_text(encoding="utf-8"))
        known = set(MigrationLoader(None).disk_migrations)
        newer = [f"{app}.{name}" for app, name in manifest["migrations"] if (app, name) not in known]
        if manifest["format"] > backup.FORMAT:
            newer.append(f"format {manifest['format']}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Trouble(f"{source} is no backup of Watchkeeper, or damaged. Nothing was changed.") from error
    if newer:
        raise Trouble(f"{source} was made by a newer version of Watchkeeper (it knows {newer[0]}). Use that version.")
    wanted = "database.sqlite3" if upgrade.sqlite_file() else "database.sql"
    if not (beside / wanted).exists():
        there = " or ".join(kind for name, kind in DATABASES.items() if (beside / name).exists()) or "no database"
        raise Trouble(f"{source} holds {there}, but DATABASE_URL names {DATABASES[wanted]}. Set DATABASE_URL to fit.")
    if wanted == "database.sqlite3":
        _sound(source, beside / wanted)
    return {"made": str(manifest["made"])}


def _sound(source: Path, file: Path) -> None:
    try:
        with closing(sqlite3.connect(file)) as database:
            answer = database.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error as error:
        answer = str(error)
    if answer != "ok":
        raise Trouble(f"The database in {source} is damaged ({answer}). Nothing was changed; use another backup.")


def _keep_present(data: Path) -> None:
    """What is there now is not lost by a restore of the wrong file."""
    file = upgrade.sqlite_file()
    if not file or not file.exists():
        return
    (data / "copies").mkdir(exist_ok=True, mode=0o700)
    kept = data / "copies" / f"replaced-{datetime.now(UTC):%Y%m%d-%H%M%S}.sqlite3"
    # First, because SQLite drops a log that it cannot use as soon as it opens the file.
    beside = [_copy_raw(file.with_name(file.name + end), kept.with_name(kept.name + end)) for end in ("-wal", "-shm")]
    try:
        upgrade.copy_sqlite(file, kept)
    except sqlite3.Error:
        # Broken, which may be why it is replaced: kept as it lies there, something may yet be saved from it.
        _copy_raw(file, kept)
    else:
        for raw in beside:
            raw.unlink(missing_ok=True)


def _copy_raw(source: Path, target: Path) -> Path:
    if source.exists():
        target.touch(mode=0o600)
        shutil.copyfile(source, target)
    return target


def _put_in_place(beside: Path, data: Path) -> None:
    file = upgrade.sqlite_file()
    (beside / "manifest.json").unlink()
    # Empty, it tells that a password which waits here is not this database's.
    (beside / folder.FIRST_PASSWORD).touch(mode=0o600)
    if file:
        # `up` completes a restore before it loads Django, so the way is written down.
        (beside / "database.path").write_text(str(file.absolute()), encoding="utf-8")
        with closing(sqlite3.connect(beside / "database.sqlite3")) as database, database:
            database.execute(_mark("core_cursor"))
        os.sync()
        beside.rename(data / folder.DECIDED)
    else:
        _nobody_else()
        load = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "--single-transaction"]
        anew = ["-c", "DROP SCHEMA public CASCADE", "-c", "CREATE SCHEMA public", "-f", str(beside / "database.sql")]
        backup.run_postgres([*load, *anew, "-c", _mark("public.core_cursor")])
        (beside / "database.sql").unlink()
        beside.rename(data / folder.DECIDED)
    folder.finish_restore(data)


def _mark(table: str) -> str:
    """In the database itself, so it comes with the restore or not at all: agents shall post again what is newer.

    It stands where readers of the journal say how far they are, farther than any row: it holds nothing up.
    """
    from servers.orders import RESTORED  # noqa: PLC0415 - it imports models, which need the set-up

    place = int(datetime.now(UTC).timestamp() * 1000)
    return (
        f"INSERT INTO {table} (name, place) VALUES ('{RESTORED}', {place}) "  # noqa: S608 - our own words
        "ON CONFLICT (name) DO UPDATE SET place = excluded.place"
    )


def _nobody_else() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        (others,) = cursor.fetchone()
    connection.close()
    if others:
        raise Trouble(f"{others} other connections use the database. Stop web, worker and beat first.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
