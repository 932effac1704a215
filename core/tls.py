"""Our own certificates: an authority that agents pin, and a server certificate it signs."""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_LIFE = timedelta(days=3652)
LEAF_LIFE = timedelta(days=397)  # browsers refuse server certificates that live longer than 398 days
RENEW_BEFORE = timedelta(days=30)
SLACK = timedelta(days=1)  # a target whose clock is behind must still find us valid

Key = ec.EllipticCurvePrivateKey


class Broken(Exception):
    """A certificate file that cannot be used; the text says which and what to do."""


@dataclass(frozen=True)
class Certificate:
    """Where the files lie; `fingerprint` is the SHA-256 of the authority's DER bytes, in hex."""

    ca: Path
    cert: Path
    key: Path
    fingerprint: str


def ensure(folder: Path, names: list[str], *, now: datetime | None = None) -> Certificate:
    """Make or keep the authority and a server certificate for these names and addresses."""
    at = now or datetime.now(UTC)
    folder.mkdir(parents=True, exist_ok=True)
    ca, ca_key = _authority(folder, at)
    wanted = _alternatives(names)
    made = Certificate(folder / "ca.pem", folder / "server.pem", folder / "server.key", fingerprint(ca))
    if not _still_good(made, ca, wanted, at):
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = _sign_leaf(key, ca, ca_key, wanted, at)
        # The key first: a crash in between leaves a pair that does not match, which is renewed next time.
        _write(made.key, _key_bytes(key), 0o600)
        _write(made.cert, leaf.public_bytes(serialization.Encoding.PEM), 0o644)
    return made


def fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def _authority(folder: Path, now: datetime) -> tuple[x509.Certificate, Key]:
    cert_path, key_path = folder / "ca.pem", folder / "ca.key"
    if not cert_path.exists():
        # A key alone is a start that was cut off before anybody could pin it.
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _sign_authority(key, now)
        _write(key_path, _key_bytes(key), 0o600)
        _write(cert_path, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
        return certificate, key
    certificate = _read_authority(cert_path, now)
    key = _read_key(key_path)
    if key.public_key() != certificate.public_key():
        raise _broken(key_path, f"does not belong to {cert_path}")
    key_path.chmod(0o600)
    return certificate, key


def _read_authority(path: Path, now: datetime) -> x509.Certificate:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _broken(path, "cannot be read") from error
    if certificate.not_valid_after_utc - now < RENEW_BEFORE:
        raise _broken(path, f"runs out on {certificate.not_valid_after_utc:%Y-%m-%d}")
    return certificate


def _read_key(path: Path) -> Key:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise _broken(path, "cannot be read") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _broken(path, "is not one of ours")
    return key


def _broken(path: Path, fault: str) -> Broken:
    # Never replaced silently: every agent pins this authority and would stop to trust us.
    return Broken(
        f"{path} {fault}. Put it back from a backup, or delete the folder {path.parent} "
        "to make a new authority and paste the enrol line again on every agent."
    )


def _still_good(made: Certificate, ca: x509.Certificate, wanted: list[x509.GeneralName], now: datetime) -> bool:
    """Whether the server certificate can stay; a damaged one is simply made again."""
    try:
        leaf = x509.load_pem_x509_certificate(made.cert.read_bytes())
        leaf.verify_directly_issued_by(ca)
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.cert, made.key)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except Exception:  # noqa: BLE001 - whatever is wrong with it, a new one mends it
        return False
    made.key.chmod(0o600)
    return set(names) == set(wanted) and leaf.not_valid_after_utc - now >= RENEW_BEFORE


def _alternatives(names: Iterable[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in dict.fromkeys(name.strip().rstrip(".").lower() for name in names):
        if not name:
            continue
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name.strip("[]"))))
        except ValueError:
            found.append(x509.DNSName(_ascii(name)))
    if not found:
        raise Broken("A certificate needs at least one name or address. Set WATCHKEEPER_HOST or WATCHKEEPER_URL.")
    return found


def _ascii(name: str) -> str:
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise Broken(f'"{name}" is not a host name a certificate can carry. Set WATCHKEEPER_URL.') from error


def _sign_authority(key: Key, now: datetime) -> x509.Certificate:
    # A name of its own, so that two hubs' authorities can lie side by side in one trust store.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Watchkeeper CA {os.urandom(4).hex()}")])
    usage = _usage(key_cert_sign=True, crl_sign=True)
    return (
        _builder(name, name, key, now, now + CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _sign_leaf(
    key: Key, ca: x509.Certificate, ca_key: Key, names: list[x509.GeneralName], now: datetime
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Watchkeeper")])
    until = min(now + LEAF_LIFE, ca.not_valid_after_utc)
    public = ca_key.public_key()
    return (
        _builder(subject, ca.subject, key, now, until)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Key, now: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SLACK)
        .not_valid_after(until)
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_bytes(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and never readable by others for a moment."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
