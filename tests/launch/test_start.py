"""`up` from outside: the first start, the second, the killed one, the refused one."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.db.migrations.recorder import MigrationRecorder

from accounts.models import Team, User
from servers.models import Server
from tests.product import EMAIL, Product, made_sqlite, until


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Started as a person does it, through the launcher, on an empty data folder."""
    with Product(tmp_path_factory.mktemp("up") / "data", launcher=True) as running:
        yield running.wait_watched()


def test_a_first_start_says_everything_that_is_needed(product: Product) -> None:
    said = product.output()
    assert product.url in said
    assert "admin@localhost" in said
    assert str(product.folder) in said
    assert said.count(product.password) == 1


def test_the_password_opens_the_door_and_is_kept_nowhere(product: Product) -> None:
    assert product.inside(lambda: User.objects.get().check_password(product.password))
    for file in product.folder.rglob("*"):
        assert not file.is_file() or product.password.encode() not in file.read_bytes(), file


def test_the_data_folder_is_for_us_alone(product: Product) -> None:
    assert product.folder.stat().st_mode & 0o077 == 0
    assert (product.folder / "secret_key").stat().st_mode & 0o077 == 0


def test_the_machine_it_runs_on_is_watched(product: Product) -> None:
    token = product.manage("api_token", "--email", EMAIL, "--name", "script", "--scopes", "servers:read")

    def seen() -> object:
        servers = product.request("GET", "/api/v1/servers", token=token).json()
        found = servers.get("results", servers.get("servers", []))
        return found and found[0].get("seen", found[0].get("last_seen"))

    until(seen, 30, "a report of our own agent")


def test_a_script_can_enrol_a_machine(product: Product) -> None:
    token = product.manage("enrol_token", "--name", "by-script")
    asked = {"token": token, "hostname": "by-script", "fingerprint": "print", "facts": {}}
    assert product.request("POST", "/api/v1/enrol", asked).status == 201


def test_a_second_start_on_the_folder_says_who_holds_it(product: Product) -> None:
    code, said = Product(product.folder).refused()
    assert code == 1
    last = said.splitlines()[-1]
    assert f"process {product.children[0].pid}," in last
    assert product.url in last
    assert product.is_ready()


def test_power_off_and_on_again_keeps_everything_and_a_stop_is_quick_and_clean(product: Product) -> None:
    before, password = product.inside(summary), product.password
    product.kill()
    product.log.unlink()
    product.start().wait_watched()
    assert product.inside(summary) == before
    assert "Password" not in product.output(), f"{password} was shown before"
    os.kill(product.children[0].pid, signal.SIGTERM)
    assert product.children[0].wait(5) == 0
    product.children.clear()


def summary() -> list[object]:
    return [
        *Team.objects.values_list("name"),
        *User.objects.values_list("email"),
        *Server.objects.values_list("uuid"),
    ]


def test_a_password_never_shown_is_shown_by_the_next_start_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    """Killed after the admin was made and before anybody read the password."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    shutil.copyfile(made_sqlite(), data / "watchkeeper.sqlite3")
    (data / "first_password").write_text("left-from-a-killed-start")
    with Product(data) as product:
        assert product.password == "left-from-a-killed-start"
        assert not (data / "first_password").exists()
        os.kill(product.children[0].pid, signal.SIGINT)
        assert product.children[0].wait(5) == 0
        product.children.clear()


def test_a_newer_database_is_refused_and_left_alone(product: Product) -> None:
    product.kill()
    file = product.folder / "watchkeeper.sqlite3"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('alerts', '0999_later', '2030-01-01')"
        )
    code, said = product.refused()
    assert code == 1
    assert "newer than this version" in said.splitlines()[-1]
    assert "alerts.0999_later" in said
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("DELETE FROM django_migrations WHERE name = '0999_later'")


def test_an_upgrade_is_copied_first_and_a_failed_one_is_taken_back(product: Product) -> None:
    product.kill()
    file = product.folder / "watchkeeper.sqlite3"
    with closing(sqlite3.connect(file)) as database, database:
        # Its tables are there already, so applying it again must fail.
        database.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
        tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    code, said = product.refused()
    assert code == 1
    assert "could not be brought to this version" in said.splitlines()[-1]
    assert len(list((product.folder / "copies").glob("before-*.sqlite3"))) == 1
    with closing(sqlite3.connect(file)) as database, database:
        assert database.execute("SELECT count(*) FROM sqlite_master").fetchone() == tables
        database.execute("DROP TABLE django_session")
    product.start()
    assert "Upgrading the database (1 steps)" in product.output()


def test_a_failed_upgrade_of_postgresql_says_what_it_leaves(tmp_path: Path, site_postgres: str) -> None:
    product = Product(tmp_path / "data", DATABASE_URL=site_postgres)
    # Its tables are there already, so applying it again must fail.
    product.inside(lambda: MigrationRecorder.Migration.objects.filter(app="sessions").delete())
    code, said = product.refused()
    assert code == 1
    assert "the steps that succeeded stay" in said.splitlines()[-1]
    assert "SQLite" not in said


def test_up_runs_on_postgresql_and_gives_a_brokers_work_to_processes_of_their_own(
    tmp_path: Path, fresh_postgres: str, redis_url: str
) -> None:
    with Product(tmp_path / "data", DATABASE_URL=fresh_postgres) as product:
        product.wait_watched()
        assert not (tmp_path / "data" / "watchkeeper.sqlite3").exists()
        assert product.stop() <= 5
    with Product(tmp_path / "data", DATABASE_URL=fresh_postgres, REDIS_URL=redis_url) as product:
        parent = product.children[0].pid
        until(lambda: _roles(parent) == {"worker", "beat"}, 20, "worker and beat")
        group = os.getpgid(parent)
        assert product.stop() <= 5
        until(lambda: not _alive(group), 5, "the end of the roles")


def _roles(parent: int) -> set[str]:
    return {words[-1] for words in _children(parent) if "monitor.run" in words}


def _children(parent: int) -> list[list[str]]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.append((entry / "cmdline").read_bytes().decode().split("\0")[:-1])
        except OSError:
            continue
    return found


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
