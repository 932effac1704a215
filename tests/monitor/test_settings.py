"""Settings as a deployment sees them: Django's own checks, and every wrong variable in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor import env

ROOT = Path(__file__).parents[2]


def test_djangos_deploy_checks_find_nothing(tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    found = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={**clean, "WATCHKEEPER_URL": "https://watch.example.org", "WATCHKEEPER_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WATCHKEEPER_PORT", "eighty"),
        ("WATCHKEEPER_PORT", "70000"),
        ("WATCHKEEPER_DATA", __file__),
        ("WATCHKEEPER_URL", "watch.example.org"),
        ("WATCHKEEPER_URL", "http://[bad"),
        ("WATCHKEEPER_ADMIN_EMAIL", "nobody"),
        ("WATCHKEEPER_OIDC_ISSUER", "https://id.example.org"),
        ("WATCHKEEPER_OIDC_ISSUER", "http://id.example.org"),
        ("WATCHKEEPER_OIDC_CLIENT_ID", "watchkeeper"),
        ("WATCHKEEPER_OIDC_ROLE", "king"),
        ("WATCHKEEPER_LOCAL_LOGIN", "off"),
        ("WATCHKEEPER_SECOND_FACTOR", "always"),
        ("WATCHKEEPER_ADMIN_PASSWORD", "abc"),
        ("WATCHKEEPER_SECRET_KEY_FILE", "/nonexistent/key"),
        ("DATABASE_URL", "mysql://x/y"),
        ("REDIS_URL", "localhost:6379"),
        ("EMAIL_URL", "mail.example.org"),
        ("METRIC_STORE", "victoria"),
        ("WATCHKEEPER_TLS", "on"),
        ("WATCHKEEPER_TLS", "/nonexistent/a,/nonexistent/b"),
        ("WATCHKEEPER_TRUSTED_PROXIES", "10.0.0.0/99"),
        ("WATCHKEEPER_OUTGOING_ALLOW", "everything"),
        ("WATCHKEEPER_CONNECTION_CAP", "0"),
    ],
)
def test_a_wrong_value_is_named_with_what_to_write_instead(name: str, value: str) -> None:
    with pytest.raises(env.Wrong) as wrong:
        env.read({name: value})
    text = str(wrong.value)
    assert name in text
    assert text.endswith(".")
    assert any(word in text for word in ("Write", "Name"))


def test_secrets_are_read_from_files_and_never_said(tmp_path: Path) -> None:
    file = tmp_path / "database"
    file.write_text("postgres://user:hunter2@db/watch\n")
    assert env.read({"DATABASE_URL_FILE": str(file)}).database_url == "postgres://user:hunter2@db/watch"
    file.write_text("mysql://user:hunter2@db/watch")
    with pytest.raises(env.Wrong) as wrong:
        env.read({"DATABASE_URL_FILE": str(file)})
    assert "hunter2" not in str(wrong.value)


def test_https_follows_the_address() -> None:
    assert env.read({}).url == "http://127.0.0.1:8000"
    outside = env.read({"WATCHKEEPER_HOST": "192.0.2.7"})
    assert (outside.url, outside.serves_tls) == ("https://192.0.2.7:8000", True)
    behind = env.read(
        {"WATCHKEEPER_TLS": "off", "WATCHKEEPER_HOST": "192.0.2.7", "WATCHKEEPER_URL": "https://w.example"}
    )
    assert (behind.secure, behind.serves_tls) == (True, False)
