"""What must not start: one sentence that names the trouble and its mend, a status, and nothing half-done."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.product import ROOT, Product
from tests.services import free_port, not_here

WRONG = {
    "WATCHKEEPER_DATA": "{file}",
    "WATCHKEEPER_HOST": "no such host",
    "WATCHKEEPER_PORT": "99999",
    "WATCHKEEPER_ADMIN_EMAIL": "nobody",
    "WATCHKEEPER_ADMIN_PASSWORD_FILE": "/nowhere/password",
    "WATCHKEEPER_URL": "ftp://watch.example.org",
    "WATCHKEEPER_SECRET_KEY_FILE": "/nowhere/key",
    "DATABASE_URL": "mysql://db/watchkeeper",
    "REDIS_URL": "http://localhost",
    "METRIC_STORE": "victoria",
    "EMAIL_URL": "mail.example.org",
    "WATCHKEEPER_TLS": "/nowhere/cert.pem,/nowhere/key.pem",
    "WATCHKEEPER_TRUSTED_PROXIES": "10.0.0.0/99",
    "WATCHKEEPER_OUTGOING_ALLOW": "everybody",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_named_with_what_to_write_instead(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    product = Product(tmp_path / "data")
    product.environment[name] = WRONG[name].format(file=tmp_path / "file")
    code, said = product.refused()
    assert code == 2
    assert name in said.splitlines()[-1]
    assert "Traceback" not in said
    assert not (tmp_path / "data" / "watchkeeper.sqlite3").exists()


def test_a_broker_without_a_database_to_share_is_refused(tmp_path: Path) -> None:
    code, said = Product(tmp_path / "data", REDIS_URL="redis://127.0.0.1:1/0").refused()
    assert code == 2
    assert "DATABASE_URL=postgres://" in said


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, said = Product(tmp_path / "data", port).refused()
    assert code == 1
    assert f"Port {port} on 127.0.0.1 is in use" in said
    assert "WATCHKEEPER_PORT=" in said
    assert not (tmp_path / "data" / "watchkeeper.sqlite3").exists()


def test_an_address_of_another_machine_is_named(tmp_path: Path) -> None:
    code, said = Product(tmp_path / "data", WATCHKEEPER_HOST="192.0.2.7").refused()
    assert code == 1
    assert 'WATCHKEEPER_HOST is "192.0.2.7", which is no address of this machine' in said


def test_a_folder_that_cannot_be_used_is_named(closed: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    product = Product(closed / "data")
    product.log = tmp_path_factory.mktemp("said") / "log"
    code, said = product.refused()
    assert code == 1
    assert str(closed / "data") in said
    assert "WATCHKEEPER_DATA" in said.splitlines()[-1]
    assert "Traceback" not in said


def test_a_full_disk_is_named(small_disk: Path) -> None:
    code, said = Product(small_disk / "data").refused()
    assert code == 1
    assert "is full" in said.splitlines()[-1]
    assert not list((small_disk / "data").glob("*.sqlite3"))


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    url = f"postgres://watch:topsecret@127.0.0.1:{free_port()}/watchkeeper"
    code, said = Product(tmp_path / "data", DATABASE_URL=url).refused()
    assert code == 1
    assert "DATABASE_URL" in said.splitlines()[-1]
    assert "topsecret" not in said
    assert "Traceback" not in said


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "watchkeeper.sqlite3").write_bytes(b"a letter to grandmother" * 100)
    code, said = Product(data).refused()
    assert code == 1
    assert str(data / "watchkeeper.sqlite3") in said.splitlines()[-1]
    assert "Traceback" not in said


@pytest.mark.parametrize("role", ["web", "worker", "beat"])
def test_a_single_role_without_what_it_shares_is_refused(tmp_path: Path, role: str) -> None:
    product = Product(tmp_path / "data")
    words = [sys.executable, "-m", "monitor.run", role]
    done = subprocess.run(words, cwd=ROOT, env=product.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "DATABASE_URL" in done.stderr


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder where nothing can be made, also by root."""
    if os.geteuid() != 0:
        tmp_path.chmod(0o500)
        yield tmp_path
        tmp_path.chmod(0o700)
    elif Path("/proc/sys").is_dir():
        yield Path("/proc/sys")
    else:
        not_here("root may write everywhere on this system")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
    )
    if not made or made.returncode:
        not_here("only root may make a small disk of its own")
    yield folder
    subprocess.run(["umount", folder], check=True)
