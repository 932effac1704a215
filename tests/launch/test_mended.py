"""Faults that were found once and must not come back: broken files, odd folders, closed terminals."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import tarfile
from contextlib import closing, nullcontext
from pathlib import Path

import pytest

from accounts.models import User
from monitor import embedded, env, folder, restore, up, upgrade
from monitor.launch import environment, process
from monitor.launch.say import Trouble


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def database(data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of our SQLite file; nothing is there yet."""
    file = data / "watchkeeper.sqlite3"
    monkeypatch.setattr(upgrade, "sqlite_file", lambda: file)
    return file


def test_a_broken_database_is_kept_as_it_is_and_stops_no_restore(data: Path, database: Path) -> None:
    database.write_bytes(b"a letter to grandmother" * 100)
    database.with_name("watchkeeper.sqlite3-wal").write_bytes(b"more of it")

    restore._keep_present(data)

    kept = {file.suffix: file.read_bytes() for file in (data / "copies").iterdir()}
    assert kept == {".sqlite3": b"a letter to grandmother" * 100, ".sqlite3-wal": b"more of it"}
    assert all(file.stat().st_mode & 0o077 == 0 for file in (data / "copies").iterdir())


def test_a_backup_with_a_damaged_packing_is_told_in_one_sentence(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(bytes(range(256)) * 400))
    packed[12:40] = b"\xff" * 28
    (tmp_path / "b.tar.gz").write_bytes(packed)
    with pytest.raises(Trouble, match="no backup of Watchkeeper, or damaged"):
        restore._unpack(tmp_path / "b.tar.gz", tmp_path / "beside")


@pytest.mark.parametrize("name", ["database.path", "secret_key2", "tls/a/b", "tls/..", "agent/agent.json/x", "tls"])
def test_a_backup_brings_files_of_exact_names_only(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(Trouble, match="does not belong there"):
        restore._unpack(tmp_path / "b.tar", tmp_path / "beside")


def test_a_password_that_waited_goes_with_the_database_it_was_for(data: Path, database: Path) -> None:
    (data / "first_password").write_text("of the replaced one")
    beside = data / "restoring.part"
    beside.mkdir()
    (beside / "manifest.json").write_text(json.dumps({}))
    (beside / "database.sqlite3").write_bytes(b"restored")

    restore._put_in_place(beside, data)

    assert database.read_bytes() == b"restored"
    assert not (data / "first_password").exists()
    assert not (data / folder.DECIDED).exists()


def test_a_restored_password_that_waits_is_kept(data: Path) -> None:
    (data / folder.DECIDED).mkdir()
    (data / folder.DECIDED / "first_password").write_text("still to be shown")
    assert folder.finish_restore(data)
    assert (data / "first_password").read_text() == "still to be shown"


def test_a_cut_off_restore_that_cannot_be_completed_is_told_in_one_sentence(data: Path) -> None:
    (data / folder.DECIDED).mkdir()
    (data / folder.DECIDED / "database.sqlite3").touch()  # where it belongs is not written down
    with pytest.raises(Trouble, match="cannot be completed: No such file"):
        up._finish_restore(env.read({"WATCHKEEPER_DATA": str(data)}))


def test_a_foreign_sqlite_file_is_copied_and_never_deleted(
    data: Path, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(database)) as foreign, foreign:
        foreign.execute("CREATE TABLE letters (text)")
        foreign.execute("INSERT INTO letters VALUES ('dear')")
    _fail_to_migrate(data, monkeypatch)
    with closing(sqlite3.connect(database)) as foreign:
        assert foreign.execute("SELECT name FROM sqlite_master").fetchall() == [("letters",)]
        assert foreign.execute("SELECT text FROM letters").fetchall() == [("dear",)]
    assert len(list((data / "copies").iterdir())) == 1


def test_an_empty_sqlite_file_that_was_there_is_left_empty(
    data: Path, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.touch()
    _fail_to_migrate(data, monkeypatch)
    with closing(sqlite3.connect(database)) as foreign:
        assert foreign.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def _fail_to_migrate(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(*_: object) -> None:
        with closing(sqlite3.connect(data / "watchkeeper.sqlite3")) as database, database:
            database.execute("CREATE TABLE half (a)")
        raise Trouble("half-way")

    monkeypatch.setattr(upgrade, "state", lambda: upgrade.State(applied=0, pending=9, unknown=[]))
    monkeypatch.setattr(upgrade, "_migrate", half)
    with pytest.raises(Trouble, match="half-way"):
        upgrade.bring_up(data, folder.Hold(data))


def test_an_empty_password_file_counts_as_none(db: None, data: Path) -> None:
    (data / "first_password").touch()
    admin = embedded.FirstAdmin(env.read({"WATCHKEEPER_DATA": str(data)}))
    admin.ensure()
    password = (data / "first_password").read_text()
    assert len(password) == 19
    assert User.objects.get(is_superuser=True).check_password(password)
    assert (data / "first_password").stat().st_mode & 0o077 == 0


def test_somebody_elses_folder_is_refused_and_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "letters").touch()
    tmp_path.chmod(0o755)
    with pytest.raises(Trouble, match="WATCHKEEPER_DATA at a new or empty folder"):
        folder.prepare(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_a_shared_folder_is_refused_even_when_empty(data: Path) -> None:
    data.chmod(0o1777)
    with pytest.raises(Trouble, match="shared with others"):
        folder.prepare(data)
    assert data.stat().st_mode & 0o7777 == 0o1777


def test_our_own_folder_is_closed_to_others_again(data: Path) -> None:
    (data / "secret_key").touch()
    (data / "a note of the admin").touch()
    data.chmod(0o755)
    folder.prepare(data)
    assert data.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("code", "tools"), [(0, ["uv"]), (1, ["uv"]), (2, ["uv", "ensurepip", "pip"])])
def test_pip_does_what_a_broken_uv_cannot(code: int, tools: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[str] = []

    def run(words: list[str | Path], *_: object, env: dict[str, str] | None = None) -> int:
        used.append("uv" if words[0] == "/bin/uv" else str(words[2]))
        assert used[-1] != "uv" or (env and ".cache" in env["UV_CACHE_DIR"])
        return code if used[-1] == "uv" else 0

    monkeypatch.delenv("UV_CACHE_DIR", raising=False)
    monkeypatch.setattr(process, "run", run)
    monkeypatch.setattr(environment, "_last_words", lambda: "why")
    with pytest.raises(Trouble) if code == 1 else nullcontext():
        environment._install("tool", "/bin/uv")
    assert used == tools
