"""The product's own certificates: trusted by who pins them, renewed in time, never replaced silently."""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from core import tls

NAMES = ["localhost", "127.0.0.1", "::1", "hub.example.org"]


def handshake(made: tls.Certificate, name: str, *, ca: Path | None = None) -> dict[str, object]:
    """One TLS connection over loopback, verified against the authority, for this name."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made.cert, made.key)
    client = ssl.create_default_context(cafile=str(ca or made.ca))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            connection.settimeout(5)
            try:
                server.wrap_socket(connection, server_side=True).close()
            except (ssl.SSLError, OSError):
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            plain = socket.create_connection(listener.getsockname(), timeout=5)
            with plain, client.wrap_socket(plain, server_hostname=name) as secured:
                return dict(secured.getpeercert() or {})
        finally:
            thread.join(5)


@pytest.mark.parametrize("name", NAMES)
def test_whoever_trusts_the_authority_trusts_every_name_of_ours(tmp_path: Path, name: str) -> None:
    assert handshake(tls.ensure(tmp_path, NAMES), name)


def test_another_name_and_another_authority_are_refused(tmp_path: Path) -> None:
    made = tls.ensure(tmp_path / "ours", NAMES)
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        handshake(made, "elsewhere.example.org")
    stranger = tls.ensure(tmp_path / "theirs", NAMES)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(made, "localhost", ca=stranger.ca)


def test_the_fingerprint_is_the_hash_of_the_authority(tmp_path: Path) -> None:
    made = tls.ensure(tmp_path, NAMES)
    der = ssl.PEM_cert_to_DER_cert(made.ca.read_text())
    assert made.fingerprint == hashlib.sha256(der).hexdigest()


def test_a_second_start_keeps_everything(tmp_path: Path) -> None:
    first = tls.ensure(tmp_path, NAMES)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert tls.ensure(tmp_path, list(reversed(NAMES))) == first
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_new_name_renews_the_certificate_and_keeps_the_authority(tmp_path: Path) -> None:
    first = tls.ensure(tmp_path, ["127.0.0.1"])
    second = tls.ensure(tmp_path, ["127.0.0.1", "new.example.org"])
    assert second.fingerprint == first.fingerprint
    assert handshake(second, "new.example.org")


def test_a_certificate_is_renewed_thirty_days_before_its_end(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    made = tls.ensure(tmp_path, NAMES, now=now - timedelta(days=360))
    first = made.cert.read_bytes()
    tls.ensure(tmp_path, NAMES, now=now)
    assert made.cert.read_bytes() == first
    tls.ensure(tmp_path, NAMES, now=now + timedelta(days=8))
    leaf = x509.load_pem_x509_certificate(made.cert.read_bytes())
    assert leaf.not_valid_after_utc > now + timedelta(days=390)


def test_keys_are_readable_by_the_owner_alone(tmp_path: Path) -> None:
    made = tls.ensure(tmp_path, NAMES)
    made.key.chmod(0o644)
    tls.ensure(tmp_path, NAMES)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*.key")} == {0o600}


@pytest.mark.parametrize("name", ["server.pem", "server.key"])
@pytest.mark.parametrize("content", [b"", b"not a certificate", b"\xff\x00"])
def test_a_damaged_server_certificate_is_made_again(tmp_path: Path, name: str, content: bytes) -> None:
    before = tls.ensure(tmp_path, NAMES)
    (tmp_path / name).write_bytes(content)
    after = tls.ensure(tmp_path, NAMES)
    assert after.fingerprint == before.fingerprint
    assert handshake(after, "localhost")


@pytest.mark.parametrize("name", ["ca.pem", "ca.key"])
def test_a_damaged_authority_stops_the_start_with_one_sentence(tmp_path: Path, name: str) -> None:
    tls.ensure(tmp_path, NAMES)
    (tmp_path / name).write_bytes(b"damaged")
    with pytest.raises(tls.Broken, match=rf"{name} cannot be read\. Put it back from a backup, or delete"):
        tls.ensure(tmp_path, NAMES)


def test_an_authority_whose_key_is_gone_is_not_replaced(tmp_path: Path) -> None:
    made = tls.ensure(tmp_path, NAMES)
    (tmp_path / "ca.key").unlink()
    with pytest.raises(tls.Broken, match=r"ca\.key cannot be read"):
        tls.ensure(tmp_path, NAMES)
    assert made.ca.exists()


def test_a_foreign_key_beside_the_authority_is_found(tmp_path: Path) -> None:
    tls.ensure(tmp_path / "a", NAMES)
    tls.ensure(tmp_path / "b", NAMES)
    (tmp_path / "a" / "ca.key").write_bytes((tmp_path / "b" / "ca.key").read_bytes())
    with pytest.raises(tls.Broken, match="does not belong"):
        tls.ensure(tmp_path / "a", NAMES)


def test_a_certificate_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(tls.Broken, match="at least one name"):
        tls.ensure(tmp_path, ["", " "])
