"""Faults that were found once and must not come back: broken files, odd folders, closed terminals."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import threading
from contextlib import closing, nullcontext
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from monitor import backup, embedded, env, folder, kept, restore, settings, up, upgrade, watchself
from monitor.launch import environment, names, process, say
from monitor.launch import main as launch
from monitor.launch.say import Trouble
from tests.product import ROOT, until


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


def test_what_is_no_backup_at_all_is_told_on_one_line(tmp_path: Path) -> None:
    source, beside = tmp_path / "letter.tar.gz", tmp_path / "beside"
    source.write_text("Dear hub, " * 100)
    with pytest.raises(Trouble) as told:
        restore._unpack(source, beside)
    assert str(told.value) == f"{source} is no backup of Watchkeeper, or damaged. Nothing was changed."


def test_a_backup_with_a_damaged_packing_is_told_in_one_sentence(tmp_path: Path) -> None:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        secret = tarfile.TarInfo("secret_key")
        secret.size = 200_000
        tar.addfile(secret, io.BytesIO(os.urandom(secret.size)))
    packed = bytearray(gzip.compress(plain.getvalue()))
    packed[100_000:] = b"\xff" * (len(packed) - 100_000)
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
    with closing(sqlite3.connect(beside / "database.sqlite3")) as restored, restored:
        restored.execute("CREATE TABLE core_cursor (name PRIMARY KEY, place)")

    restore._put_in_place(beside, data)

    with closing(sqlite3.connect(database)) as restored:
        assert restored.execute("SELECT count(*) FROM core_cursor").fetchone() == (1,)
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


def test_names_of_files_are_meant_from_where_the_caller_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {
        "WATCHKEEPER_DATA": "data",
        "EMAIL_URL_FILE": "/run/mail",
        "WATCHKEEPER_SECRET_KEY_FILE": "key",
        "WATCHKEEPER_TLS": "w.pem, keys/w.key",
        "DATABASE_URL": "sqlite:///w.sqlite3",
        "REDIS_URL": "redis://host/0",
    }
    names.settle(given)
    assert given == {
        "WATCHKEEPER_DATA": f"{tmp_path}/data",
        "EMAIL_URL_FILE": "/run/mail",
        "WATCHKEEPER_SECRET_KEY_FILE": f"{tmp_path}/key",
        "WATCHKEEPER_TLS": f"{tmp_path}/w.pem,{tmp_path}/keys/w.key",
        "DATABASE_URL": f"sqlite:///{tmp_path}/w.sqlite3",
        "REDIS_URL": "redis://host/0",
    }


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_backup_is_named_from_where_the_caller_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    became: list[object] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(environment, "ensure", lambda *_: None)
    monkeypatch.setattr(process, "become", became.extend)
    assert launch.main([command, "w.tar"]) == 0
    assert became[-1] == str(tmp_path / "w.tar")


def test_a_setup_before_manage_leaves_standard_output_to_the_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environment, "ensure", lambda *_: say.line("Setting up."))
    monkeypatch.setattr(process, "become", lambda *_, **__: say.line("wke_secret"))
    launch.main(["manage", "enrol_token"])
    assert capsys.readouterr() == ("wke_secret\n", "Setting up.\n")


def test_a_child_that_cannot_be_started_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "SOONEST", 0.01)
    child = kept.Kept([str(tmp_path / "program")])
    thread = threading.Thread(target=child.run)
    thread.start()
    try:
        (tmp_path / "new").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (tmp_path / "new").chmod(0o700)
        (tmp_path / "new").rename(tmp_path / "program")
        until((tmp_path / "ran").exists, 10, "a start")
    finally:
        child.stop()
        thread.join(10)


def test_a_child_that_lived_long_is_started_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    child, lives, pauses = kept.Kept([]), [0.0, 0.0, 61.0, 0.0], []

    def wait(pause: float) -> None:
        pauses.append(pause)
        if len(pauses) == 4:
            child.ended.set()

    monkeypatch.setattr(child, "_lived", lambda: lives[len(pauses)])
    monkeypatch.setattr(child.ended, "wait", wait)
    child.run()
    assert pauses == [2.0, 4.0, 2.0, 4.0]


@pytest.fixture
def own(data: Path) -> tuple[watchself.OwnAgent, list[str]]:
    said: list[str] = []
    (data / "agent").mkdir()
    return watchself.OwnAgent(data, "http://192.0.2.7:8000", None, said.append), said


def test_an_agent_that_moves_to_plain_http_is_allowed_to(own: tuple[watchself.OwnAgent, list[str]]) -> None:
    own[0]._move({"url": "https://192.0.2.7:8000", "ca": "ca.pem", "insecure": False, "key": "k"})
    moved = json.loads(own[0].config.read_text())
    assert moved == {"url": "http://192.0.2.7:8000", "ca": None, "insecure": True, "key": "k"}


@pytest.mark.parametrize("content", ["[]", '{"server": "no uuid"}', '{"server": []}', "{}", "x"])
def test_a_damaged_agent_file_is_no_enrolment(
    db: None, own: tuple[watchself.OwnAgent, list[str]], content: str
) -> None:
    own[0].config.write_text(content)
    assert not own[0]._known()


def test_an_enrolment_that_fails_is_said_once_and_tried_again(
    own: tuple[watchself.OwnAgent, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, said = own
    outcomes = iter([subprocess.TimeoutExpired("agent", 60)] * 2 + [None])

    def enrol() -> bool:
        if trouble := next(outcomes):
            raise trouble
        return True

    monkeypatch.setattr(watchself, "SOONEST", 0.01)
    monkeypatch.setattr(agent, "_known", lambda: False)
    monkeypatch.setattr(agent, "_enrol", enrol)
    received = iter(range(9))
    monkeypatch.setattr(agent, "_received", lambda: next(received))
    watched = threading.Event()
    monkeypatch.setattr(agent, "_guard", watched.set)
    monkeypatch.setattr(agent.kept, "run", lambda: watched.wait(20))
    agent._run()
    assert [line.split(":")[0] for line in said] == [
        "This machine is not being watched",
        "This machine is being watched.",
    ]


def test_a_terminal_without_our_letters_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert say.line("Making …")
    assert raw.getvalue() == b"Making ?\n"


def test_a_password_that_nobody_could_read_waits_for_the_next_start(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "first_password").write_text("secret")
    admin = embedded.FirstAdmin(env.read({"WATCHKEEPER_DATA": str(data)}))
    admin.made = True
    read, write = os.pipe()
    os.close(read)
    with monkeypatch.context() as closed, open(write, "wb", buffering=0) as pipe:  # noqa: PTH123 - a pipe has no path
        closed.setattr(sys, "stdout", io.TextIOWrapper(pipe, write_through=True))
        admin.show()
    assert (data / "first_password").read_text() == "secret"


def test_a_backup_is_not_written_through_a_planted_name(data: Path, tmp_path: Path) -> None:
    copy = data / "database.sqlite3"
    copy.touch()
    (tmp_path / "w.tar.part").symlink_to(tmp_path / "stolen")
    backup._pack(tmp_path / "w.tar.part", data, copy, [])
    assert not (tmp_path / "stolen").exists()
    assert tarfile.is_tarfile(tmp_path / "w.tar.part")
    assert (tmp_path / "w.tar.part").stat().st_mode & 0o777 == 0o600


def test_a_key_is_made_once_where_hard_links_are_not_to_be_had(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    monkeypatch.setattr(settings, "ENV", env.read({}))
    monkeypatch.setattr(settings, "DATA", data)
    key = settings._secret_key()
    assert len(key) > 80
    assert settings._secret_key() == key
    assert [file.name for file in data.iterdir()] == ["secret_key"]


def test_the_gate_goes_on_without_a_package_that_cannot_be_had(tmp_path: Path) -> None:
    """Its own script with stand-ins: a package manager that has all but one, and nothing installed."""
    (tmp_path / ".ci").mkdir()
    shutil.copy2(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    programs = {
        "apt-get": f'echo "$@" >> {tmp_path}/calls; [ "${{!#}}" != chromium ]',
        "id": "echo 0",
        "python3": "exit 0",
        "ls": "exit 1",
    }
    (tmp_path / "bin").mkdir()
    for name, body in programs.items():
        _program(tmp_path / "bin" / name, body)
    for name in ("bash", "env", "dirname"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or name)
    _program(tmp_path / "watchkeeper", "echo checked")
    done = subprocess.run(
        [tmp_path / ".ci" / "run"], env={"PATH": str(tmp_path / "bin")}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "chromium could not be installed" in done.stdout
    assert done.stdout.splitlines()[-1] == "checked"
    assert "git" in (tmp_path / "calls").read_text().splitlines()[-1]


def _program(file: Path, body: str) -> None:
    file.write_text(f"#!{shutil.which('bash')}\n{body}\n")
    file.chmod(0o755)


def test_an_option_that_is_cut_short_is_refused_and_not_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        up._options(["--dem"])
    assert "unrecognized arguments: --dem" in capsys.readouterr().err
    with pytest.raises(CommandError, match="unrecognized arguments: --emai"):
        call_command("api_token", "--emai", "a@b.org", "--email", "a@b.org", "--name", "x", "--scopes", "all")
