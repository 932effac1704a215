"""The environment, read once and checked: every variable of the contract and what is wrong with it.

Standard library only: the launcher reads it before anything is installed.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
SHORTEST_PASSWORD = 10
ROLES = ("viewer", "operator", "manager", "admin")
UNITS = {"M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
SMALLEST_CAP = 100 << 20
P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # how many keys the curve has
LOOPBACK_NAMES = {"localhost", "127.0.0.1", "::1"}


class Wrong(ValueError):
    """A value that cannot be used; its text names the variable, the fault and an example."""


@dataclass(frozen=True)
class SignIn:
    """Who signs people in beside us, and what that takes."""

    issuer: str
    client_id: str
    client_secret: str
    name: str
    team: str
    role: str
    trust_email: bool
    groups_claim: str
    groups: tuple[tuple[str, str, str], ...]
    """Group, team, role."""
    local: bool
    second_factor: str


@dataclass(frozen=True)
class Environment:
    data: Path
    host: str
    port: int
    url: str
    admin_email: str
    admin_password: str
    secret_key: str
    database_url: str
    redis_url: str
    metric_store: str
    email_url: str
    twilio_account: str
    twilio_token: str
    twilio_from: str
    twilio_service: str
    twilio_api_url: str
    slack_token: str
    slack_signing_secret: str
    slack_api_url: str
    vapid_private_key: str
    vapid_subject: str
    tls: str
    trusted_proxies: tuple[str, ...]
    outgoing_allow: tuple[str, ...]
    connection_cap: int
    keep_raw_days: int
    keep_5min_days: int
    keep_hourly_days: int
    disk_cap: int
    keep_audit_days: int
    api_rate: int
    detectors: tuple[str, ...]
    heartbeat_url: str
    sign_in: SignIn
    debug: bool
    log: str

    @property
    def loopback(self) -> bool:
        return is_loopback(self.host)

    @property
    def secure(self) -> bool:
        """Whether people reach us by https: our own certificate, or a proxy's in front of us."""
        return self.url.startswith("https://")

    @property
    def serves_tls(self) -> bool:
        """Whether our own socket speaks TLS."""
        return self.tls not in {"auto", "off"} or (self.tls == "auto" and not self.loopback)


def is_loopback(host: str) -> bool:
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read(source: Mapping[str, str] = os.environ) -> Environment:
    """Read and check everything; the first fault found is raised as one sentence."""
    value = _Reader(source)
    host = value.text("WATCHKEEPER_HOST", "127.0.0.1")
    port = value.port("WATCHKEEPER_PORT", 8000)
    tls = value.tls("WATCHKEEPER_TLS")
    secure = tls not in {"auto", "off"} or (tls == "auto" and not is_loopback(host))
    data = value.folder("WATCHKEEPER_DATA", ROOT / "var")
    raw, fine, coarse = value.days()
    return Environment(
        data=data,
        host=host,
        port=port,
        url=value.address("WATCHKEEPER_URL", ("http", "https")) or _own_address(host, port, secure=secure),
        admin_email=value.email("WATCHKEEPER_ADMIN_EMAIL", "admin@localhost"),
        admin_password=value.password("WATCHKEEPER_ADMIN_PASSWORD"),
        secret_key=value.secret("WATCHKEEPER_SECRET_KEY"),
        database_url=value.database("DATABASE_URL"),
        redis_url=value.address("REDIS_URL", ("redis", "rediss"), "redis://127.0.0.1:6379/0"),
        metric_store=value.store("METRIC_STORE"),
        email_url=value.address(
            "EMAIL_URL", ("smtp", "smtps", "smtp+tls"), "smtp+tls://user:pass@mail.example.org:587"
        ),
        **_telling(value),
        tls=tls,
        trusted_proxies=value.networks("WATCHKEEPER_TRUSTED_PROXIES"),
        outgoing_allow=value.networks("WATCHKEEPER_OUTGOING_ALLOW"),
        connection_cap=value.count("WATCHKEEPER_CONNECTION_CAP", 20),
        keep_raw_days=raw,
        keep_5min_days=fine,
        keep_hourly_days=coarse,
        disk_cap=value.size("WATCHKEEPER_DISK_CAP"),
        keep_audit_days=value.count("WATCHKEEPER_KEEP_AUDIT_DAYS", 730, least=30),
        api_rate=value.count("WATCHKEEPER_API_RATE", 30_000),
        detectors=value.words("WATCHKEEPER_DETECTORS", "kmeans, pca, autoencoder"),
        heartbeat_url=value.address(
            "WATCHKEEPER_HEARTBEAT_URL", ("http", "https"), "https://hc.example.org/ping/0b5e7d0a"
        ),
        sign_in=_sign_in(value),
        debug=value.yes("WATCHKEEPER_DEBUG"),
        log=value.one_of("WATCHKEEPER_LOG", ("auto", "json", "plain")),
    )


def _sign_in(value: _Reader) -> SignIn:
    issuer = value.issuer("WATCHKEEPER_OIDC_ISSUER")
    client = value.secret("WATCHKEEPER_OIDC_CLIENT_ID")
    if bool(issuer) != bool(client):
        raise Wrong(
            "WATCHKEEPER_OIDC_ISSUER and WATCHKEEPER_OIDC_CLIENT_ID belong together. Write both, such as "
            "https://id.example.org/realms/ops and watchkeeper, or neither."
        )
    local = value.yes("WATCHKEEPER_LOCAL_LOGIN", "1")
    if not local and not issuer:
        raise Wrong(
            "WATCHKEEPER_LOCAL_LOGIN is off and there is no other way in. "
            "Write on, or set WATCHKEEPER_OIDC_ISSUER, such as https://id.example.org/realms/ops."
        )
    return SignIn(
        issuer=issuer,
        client_id=client,
        client_secret=value.secret("WATCHKEEPER_OIDC_CLIENT_SECRET"),
        name=value.text("WATCHKEEPER_OIDC_NAME", "single sign-on"),
        team=value.text("WATCHKEEPER_OIDC_TEAM"),
        role=value.one_of("WATCHKEEPER_OIDC_ROLE", ROLES),
        trust_email=value.yes("WATCHKEEPER_OIDC_TRUST_EMAIL"),
        groups_claim=value.text("WATCHKEEPER_OIDC_GROUPS_CLAIM", "groups"),
        groups=value.roles_of_groups("WATCHKEEPER_OIDC_GROUPS"),
        local=local,
        second_factor=value.one_of("WATCHKEEPER_SECOND_FACTOR", ("optional", "owners", "all")),
    )


def _telling(value: _Reader) -> dict[str, str]:
    """The accounts by which people are told; each channel may name others."""
    return {
        "twilio_account": value.secret("TWILIO_ACCOUNT_SID"),
        "twilio_token": value.secret("TWILIO_AUTH_TOKEN"),
        "twilio_from": value.secret("TWILIO_FROM"),
        "twilio_service": value.secret("TWILIO_MESSAGING_SERVICE_SID"),
        "twilio_api_url": value.address("TWILIO_API_URL", ("http", "https"), "https://sms.example.org"),
        "slack_token": value.secret("SLACK_BOT_TOKEN"),
        "slack_signing_secret": value.secret("SLACK_SIGNING_SECRET"),
        "slack_api_url": value.address("SLACK_API_URL", ("http", "https"), "https://slack.example.org/api"),
        "vapid_private_key": value.push_key("VAPID_PRIVATE_KEY"),
        "vapid_subject": value.contact("VAPID_SUBJECT"),
    }


def _own_address(host: str, port: int, *, secure: bool) -> str:
    shown = outward_address() if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
    if ":" in shown:
        shown = f"[{shown}]"
    scheme, usual = ("https", 443) if secure else ("http", 80)
    return f"{scheme}://{shown}" if port == usual else f"{scheme}://{shown}:{port}"


def outward_address() -> str:
    """The address by which other machines most likely know this one; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation: only the route is looked up
        except OSError:
            return "localhost"
        return str(probe.getsockname()[0])


class _Reader:
    """One method a kind of value; each fault says which variable, what is wrong, and an example."""

    def __init__(self, source: Mapping[str, str]) -> None:
        self.source = source

    def text(self, name: str, default: str = "") -> str:
        return self.source.get(name, "").strip() or default

    def secret(self, name: str) -> str:
        """NAME, or the content of the file that NAME_FILE points at."""
        path = self.text(f"{name}_FILE")
        if not path:
            return self.text(name)
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            reason = error.strerror or "unreadable"
            raise Wrong(f'{name}_FILE is "{path}", which cannot be read ({reason}). Name a readable file.') from error
        except UnicodeDecodeError as error:
            raise Wrong(f'{name}_FILE is "{path}", which is not text. Name a text file.') from error

    def password(self, name: str) -> str:
        text = self.secret(name)
        if text and len(text) < SHORTEST_PASSWORD:
            raise Wrong(f"{name} is shorter than {SHORTEST_PASSWORD} characters. Write a longer one, or none at all.")
        return text

    def port(self, name: str, default: int) -> int:
        text = self.text(name, str(default))
        if not text.isdecimal() or not 1 <= int(text) <= 65535:
            raise Wrong(f'{name} is "{text}", which is no port. Write a number from 1 to 65535, such as 8000.')
        return int(text)

    def count(self, name: str, default: int, *, least: int = 1) -> int:
        text = self.text(name, str(default))
        if not text.isdecimal() or not least <= int(text) <= 100_000:
            raise Wrong(f'{name} is "{text}". Write a number from {least} to 100000, such as {default}.')
        return int(text)

    def days(self) -> list[int]:
        """How long samples, five minutes and hours are kept: the coarser at least as long as the finer."""
        usual = {
            "WATCHKEEPER_KEEP_RAW_DAYS": 7, "WATCHKEEPER_KEEP_5MIN_DAYS": 90, "WATCHKEEPER_KEEP_HOURLY_DAYS": 730,
        }  # fmt: skip
        found = {name: self.count(name, default) for name, default in usual.items()}
        for finer, coarser in pairwise(found):
            if found[coarser] < found[finer]:
                raise Wrong(f"{coarser} is {found[coarser]}, {finer} is {found[finer]}. Write at least as many days.")
        return list(found.values())

    def size(self, name: str) -> int:
        """Bytes, such as 20G; 0 without a value."""
        text = self.text(name, "0").upper().removesuffix("B").removesuffix("I")
        number, unit = (text[:-1], text[-1]) if text[-1:] in UNITS else (text, "")
        if not number.isdecimal() or 0 < int(number) * UNITS.get(unit, 1) < SMALLEST_CAP:
            raise Wrong(f'{name} is "{self.text(name)}". Write a size from 100M on, such as 20G, or 0 for no limit.')
        return int(number) * UNITS.get(unit, 1)

    def yes(self, name: str, default: str = "0") -> bool:
        text = self.text(name, default).lower()
        if text not in {"0", "1", "yes", "no", "true", "false", "on", "off"}:
            raise Wrong(f'{name} is "{text}". Write 1 or 0.')
        return text in {"1", "yes", "true", "on"}

    def words(self, name: str, example: str) -> tuple[str, ...]:
        """Names with commas between; empty when nothing is written."""
        found = tuple(word.strip().lower() for word in self.text(name).split(",") if word.strip())
        if wrong := [word for word in found if not word.isidentifier()]:
            raise Wrong(f'{name} names "{wrong[0][:40]}". Write names with commas between, such as {example}.')
        return found

    def roles_of_groups(self, name: str) -> tuple[tuple[str, str, str], ...]:
        """`group=team:role` with commas between."""
        found = []
        for text in filter(None, (part.strip() for part in self.text(name).split(","))):
            group, _, place = text.rpartition("=")
            team, _, role = (part.strip() for part in place.rpartition(":"))
            if not group.strip() or not team or role not in ROLES:
                raise Wrong(
                    f'{name} has "{text[:80]}". Write a group, a team and a role ({", ".join(ROLES)}) each, '
                    "such as ops=Main:operator, boss=Main:admin."
                )
            found.append((group.strip(), team, role))
        return tuple(found)

    def one_of(self, name: str, known: tuple[str, ...]) -> str:
        """One of these words; the first when nothing is written."""
        text = self.text(name, known[0]).lower()
        if text not in known:
            raise Wrong(f'{name} is "{text}". Write one of {", ".join(known)}.')
        return text

    def issuer(self, name: str) -> str:
        """A provider's address: without TLS anybody between could sign in as anyone."""
        text = self.address(name, ("https", "http"), "https://id.example.org/realms/ops")
        if text.startswith("http://") and not is_loopback(urlsplit(text).hostname or ""):
            raise Wrong(f"{name} begins with http://. Write an address that begins with https://.")
        return text

    def folder(self, name: str, default: Path) -> Path:
        path = Path(self.text(name, str(default))).expanduser()
        path = path if path.is_absolute() else Path.cwd() / path
        if path.exists() and not path.is_dir():
            raise Wrong(f'{name} is "{path}", which is a file. Name a folder, such as /var/lib/watchkeeper.')
        return path

    def email(self, name: str, default: str) -> str:
        text = self.text(name, default)
        if text.count("@") != 1 or text.startswith("@") or text.endswith("@") or " " in text:
            raise Wrong(f'{name} is "{text}", which is no e-mail address. Write one such as you@example.org.')
        return text

    def address(self, name: str, schemes: tuple[str, ...], example: str = "https://watch.example.org") -> str:
        text = self.secret(name)
        if not text:
            return ""
        fault = Wrong(f'{name} is not an address that starts with {" or ".join(s + "://" for s in schemes)}. '
                      f"Write one such as {example}.")  # fmt: skip
        try:
            parts = urlsplit(text)
            if parts.scheme not in schemes or not parts.hostname or (parts.port is not None and parts.port < 1):
                raise fault
        except ValueError:
            raise fault from None
        return text.rstrip("/")

    def push_key(self, name: str) -> str:
        """The 32 bytes of a private key of the curve P-256, as tools for web push print them."""
        text = self.secret(name)
        try:
            number = int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
        except ValueError:
            number = 0
        if text and not 0 < number < P256:
            raise Wrong(f"{name} is no private key for web push. Write its 32 bytes as base64url, 43 characters.")
        return text

    def contact(self, name: str) -> str:
        text = self.secret(name)
        if text and not text.startswith(("mailto:", "https://")):
            raise Wrong(f'{name} is "{text}". Write an address such as mailto:you@example.org.')
        return text

    def database(self, name: str) -> str:
        text = self.secret(name)
        if not text or text.startswith("sqlite:///"):
            return text
        return self.address(name, ("postgres", "postgresql"), "postgres://user:pass@db.example.org/watchkeeper")

    def store(self, name: str) -> str:
        text = self.secret(name) or "database"
        if text.startswith(("promql+http://", "promql+https://")):
            # The address may hold a password: it is not repeated.
            raise Wrong(f'{name} names an engine with PromQL: not built into this version yet. Write "database".')
        if text != "database":
            raise Wrong(f'{name} is "{text}", which is not known. Write "database".')
        return text

    def tls(self, name: str) -> str:
        text = self.text(name, "auto")
        if text in {"auto", "off"}:
            return text
        files = [Path(part.strip()) for part in text.split(",")]
        if len(files) != 2:
            raise Wrong(f'{name} is "{text}". Write auto, off, or CERT,KEY such as /etc/ssl/w.pem,/etc/ssl/w.key.')
        for file in files:
            if not os.access(file, os.R_OK) or not file.is_file():
                raise Wrong(f'{name} names "{file}", which cannot be read. Name a readable certificate and key.')
        return text

    def networks(self, name: str) -> tuple[str, ...]:
        parts = [part.strip() for part in self.text(name).replace(",", " ").split()]
        for part in parts:
            try:
                ipaddress.ip_network(part, strict=False)
            except ValueError:
                raise Wrong(f'{name} holds "{part}", which is no network. Write 10.0.0.0/8 or 192.168.1.5.') from None
        return tuple(parts)
