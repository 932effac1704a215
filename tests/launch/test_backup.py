"""Backup while the product writes, restore wholly or not at all."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from accounts.models import Team
from core.models import Cursor
from tests.product import ROOT, Product, until
from tests.services import not_here


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product(tmp_path_factory.mktemp("backup") / "data") as running:
        yield running.wait_watched()


@pytest.fixture(scope="module")
def backup(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("files") / "watch.tar.gz"
    code, said = command(product, "backup", file)
    assert code == 0, said
    return file


def command(product: Product, name: str, *arguments: object) -> tuple[int, str]:
    words = [sys.executable, "-m", f"monitor.{name}", *map(str, arguments)]
    done = subprocess.run(
        words, cwd=ROOT, env=product.environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


def test_a_backup_is_for_us_alone_and_holds_what_makes_us_the_same_again(backup: Path) -> None:
    assert backup.stat().st_mode & 0o077 == 0
    with tarfile.open(backup) as tar:
        assert {"manifest.json", "database.sqlite3", "secret_key", "agent/agent.json"} <= set(tar.getnames())


def test_a_backup_never_overwrites(product: Product, backup: Path) -> None:
    before = backup.read_bytes()
    code, said = command(product, "backup", backup)
    assert code == 1
    assert "exists already" in said
    assert backup.read_bytes() == before


def test_a_backup_taken_while_reports_come_in_is_consistent_and_complete(product: Product, tmp_path: Path) -> None:
    """Everything acknowledged before the backup began is in it."""
    _, key = product.enrol("writer")
    acknowledged, stop = [0], threading.Event()

    def report() -> None:
        while not stop.is_set():
            body = {
                "samples": [{"t": time.time(), "m": {"cpu_used_percent": 1.0}}],
                "boot": "b",
                "seq": acknowledged[0] + 1,
            }
            if product.request("POST", "/api/v1/ingest", body, token=key).status == 200:
                acknowledged[0] += 1

    writer = threading.Thread(target=report)
    writer.start()
    try:
        while acknowledged[0] < 20:
            time.sleep(0.01)
        promised = acknowledged[0]
        assert command(product, "backup", tmp_path / "live.tar")[0] == 0
    finally:
        stop.set()
        writer.join()
    with tarfile.open(tmp_path / "live.tar") as tar:
        tar.extract("database.sqlite3", tmp_path)
    with closing(sqlite3.connect(tmp_path / "database.sqlite3")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (server,) = database.execute("SELECT id FROM servers_server WHERE name = 'writer'").fetchone()
        kept = database.execute("SELECT count(*) FROM metrics_journalrow WHERE server_id = ?", [server])
        assert kept.fetchone()[0] >= promised


def test_a_restore_while_it_runs_is_refused(product: Product, backup: Path) -> None:
    code, said = command(product, "restore", backup)
    assert code == 1
    assert "already runs" in said
    assert product.is_ready()


def test_a_restored_folder_is_the_same_product_on_another_machine(
    backup: Path, product: Product, tmp_path: Path
) -> None:
    other = Product(tmp_path / "other")
    code, said = command(other, "restore", backup)
    assert code == 0, said
    assert (other.folder / "secret_key").read_bytes() == (product.folder / "secret_key").read_bytes()
    with other:
        other.wait_watched()
        assert "Password" not in other.output()
        config = json.loads((other.folder / "agent" / "agent.json").read_text())
        assert config["url"] == other.url, "the agent follows the address, with the key it has"
        with closing(sqlite3.connect(other.folder / "watchkeeper.sqlite3")) as database:
            assert database.execute("SELECT DISTINCT kind FROM servers_order").fetchall() == [("resend",)]
            assert database.execute("SELECT count(*) FROM core_cursor WHERE name = 'restored'").fetchone() == (0,)


@pytest.fixture(scope="module")
def restored(backup: Path, tmp_path_factory: pytest.TempPathFactory) -> Product:
    other = Product(tmp_path_factory.mktemp("restored") / "data")
    assert command(other, "restore", backup)[0] == 0
    return other


def test_what_a_restore_replaces_is_kept(restored: Product, backup: Path) -> None:
    assert command(restored, "restore", backup)[0] == 0
    assert len(list((restored.folder / "copies").glob("replaced-*.sqlite3"))) == 1


def test_a_restore_that_was_cut_off_is_completed_by_the_next_start(backup: Path, tmp_path: Path) -> None:
    """As a kill -9 leaves it right after the decision: nothing is in place yet."""
    other = Product(tmp_path / "other")
    decided = other.folder / "restoring"
    with tarfile.open(backup) as tar:
        tar.extractall(decided)  # noqa: S202 - our own backup
    (decided / "manifest.json").unlink()
    (decided / "database.path").write_text(str(other.folder / "watchkeeper.sqlite3"))
    with other:
        assert "A restore that was cut off is complete now." in other.output()
        assert "Password" not in other.output()
        assert not decided.exists()


NO_GOOD = {
    "missing": "does not exist",
    "letter": "no backup of Watchkeeper, or damaged",
    "cut": "damaged",
    "newer": "newer version of Watchkeeper",
    "escape": "no backup of Watchkeeper, or damaged",
    "rotten": "damaged",
}
# All in one process: to load the product takes longer than to refuse a file.
EACH = """
import sys
from monitor import restore
for file in sys.argv[1:]:
    code = restore.main([file])
    print("\\nended", code, file=sys.stderr, flush=True)
"""


def test_a_file_that_is_no_good_changes_nothing(restored: Product, backup: Path, tmp_path: Path) -> None:
    before = {file: file.read_bytes() for file in restored.folder.rglob("*") if file.is_file()}

    words = [sys.executable, "-c", EACH, *(str(_spoilt(backup, tmp_path, fault)) for fault in NO_GOOD)]
    done = subprocess.run(
        words, cwd=ROOT, env=restored.environment, capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stderr
    *told, rest = done.stderr.split("\nended 1\n")
    assert rest == ""
    for text, (fault, said) in zip(told, NO_GOOD.items(), strict=True):
        assert said in text, fault
        assert "Traceback" not in text, fault
    after = {file: file.read_bytes() for file in restored.folder.rglob("*") if file.is_file()}
    lock = restored.folder / "lock"
    assert {**after, lock: b""} == {**before, lock: b""}
    assert not (tmp_path / "evil").exists()


def _spoilt(backup: Path, folder: Path, fault: str) -> Path:
    target = folder / f"{fault}.tar"
    if fault == "letter":
        target.write_text("Dear grandmother, " * 100)
    elif fault == "cut":
        target.write_bytes(backup.read_bytes()[:5000])
    elif fault != "missing":
        with tarfile.open(backup) as source, tarfile.open(target, "w") as tar:
            for member in source.getmembers():
                file = source.extractfile(member)
                content = file.read() if file else b""
                if fault == "newer" and member.name == "manifest.json":
                    manifest = json.loads(content)
                    content = json.dumps(
                        {**manifest, "migrations": [*manifest["migrations"], ["core", "0999_x"]]}
                    ).encode()
                if fault == "rotten" and member.name == "database.sqlite3":
                    content = content[:8192] + b"\xff" * (len(content) - 8192)
                if fault == "escape" and member.name == "secret_key":
                    member.name = "../evil"
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content) if member.isfile() else None)
    return target


def test_postgresql_is_backed_up_and_restored_too(tmp_path: Path, site_postgres: str) -> None:
    if not shutil.which("pg_dump"):
        not_here("pg_dump is missing (on Debian and Ubuntu: apt install postgresql-client)")
    product = Product(tmp_path / "data", DATABASE_URL=site_postgres)
    product.inside(lambda: Team.objects.create(name="Before"))
    assert command(product, "backup", tmp_path / "pg.tar")[0] == 0
    product.inside(lambda: Team.objects.filter(name="Before").delete())

    code, said = command(product, "restore", tmp_path / "pg.tar")

    assert code == 0, said
    assert product.inside(lambda: Team.objects.get(name="Before")).name == "Before"
    assert product.inside(lambda: Cursor.objects.filter(name="restored").count()) == 1


def _well(product: Product) -> tuple[int, str] | None:
    code, said = command(product, "doctor")
    return (code, said) if said.splitlines()[-1] == "All is well." else None


def test_the_doctor_finds_what_is_wrong_and_says_what_mends_it(product: Product, restored: Product) -> None:
    # On a busy computer the product may answer later than a doctor waits.
    code, said = until(lambda: _well(product), 60, "a doctor who finds nothing")
    assert code == 0, said
    (restored.folder / "agent" / "agent.json").unlink()
    restored.folder.chmod(0o755)
    code, said = command(restored, "doctor")
    assert code == 1
    assert "chmod 700" in said
    assert "is not enrolled" in said
    assert said.splitlines()[-1] == "2 to mend."
