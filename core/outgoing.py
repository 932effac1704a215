"""The one HTTP client for what we send out: the target is resolved once, checked, and connected to as checked."""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Iterable[str]]

METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "fd00:ec2::254",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
    )
)
_NAT64 = [ipaddress.IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48")]
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_ISATAP = re.compile(r"(?:0000|0200):5efe", re.IGNORECASE)
# Ranges that Python calls global, or did in some of its versions, and that lead inside.
_INSIDE = [
    ipaddress.ip_network(text)
    for text in ("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4")
] + [ipaddress.ip_network(text) for text in ("fec0::/10", "2001::/23", "100::/64", "5f00::/16", "3fff::/20")]
_NAME = re.compile(
    r"(?=.{1,253}\.?\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.?", re.I
)
_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]|[^\x00-\x7f]")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
MOST_HEADERS = 64 << 10
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect", "te", "trailer", "upgrade"})


class Refused(Exception):
    """The target is not allowed; trying again does not help."""


class Unreachable(Exception):
    """The target did not answer; trying later may help."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Trace:
    """How long each part of one request took, and the certificate that was shown; for those who measure."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self.certificate: bytes | None = None  # DER, also of one that was refused
        self.last = time.monotonic()

    def mark(self, part: str) -> None:
        """What ended just now; the same part twice counts together, as with two addresses tried."""
        at = time.monotonic()
        self.parts[part] = self.parts.get(part, 0.0) + at - self.last
        self.last = at


@dataclass(frozen=True)
class Policy:
    """Where a request may go, and how it may be resolved (given by tests)."""

    allow: tuple[Network, ...] = ()
    trusted: bool = False
    resolve: Resolver | None = None
    context: ssl.SSLContext | None = None
    trace: Trace | None = None

    def mark(self, part: str) -> None:
        if self.trace is not None:
            self.trace.mark(part)


@dataclass
class _Deadline:
    """What is left of the time for everything: resolving, connecting, sending and reading."""

    seconds: float
    start: float = field(default_factory=time.monotonic)

    def left(self) -> float:
        left = self.seconds - (time.monotonic() - self.start)
        if left <= 0:
            raise Unreachable(f"No whole answer within {round(self.seconds, 1):g} seconds.")
        return left


def request(  # noqa: PLR0913 - the parts of one HTTP request
    method: str,
    url: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    timeout: float = 10.0,
    allow_private: Iterable[str | Network] = (),
    trusted: bool = False,
    max_answer: int = 64 << 10,
    resolve: Resolver | None = None,
    context: ssl.SSLContext | None = None,
    trace: Trace | None = None,
) -> Answer:
    """Send one request and read one answer; redirects are answers like others.

    Raises Refused when the target is not allowed and Unreachable when it did not answer. A trace is filled anyway.
    """
    allow = tuple(ipaddress.ip_network(each) for each in allow_private)
    policy = Policy(allow, trusted, resolve, context, trace)
    target = parse(url)
    named = checked_headers(method, headers or {})
    deadline = _Deadline(timeout)
    addresses = _addresses(target, policy, deadline)
    last: Exception = Unreachable(f"{target.hostname} has no address.")
    for tried, address in enumerate(addresses):
        share = deadline.left() / (len(addresses) - tried)  # a dead first address must leave time for the next
        try:
            connection = _connect(target, address, policy, share)
        except (OSError, ssl.SSLError) as error:
            last = error
            continue
        return _exchange(connection, (method, target, body, named), deadline, max_answer, policy)
    _peek(target, addresses, policy, last, deadline)
    raise Unreachable(_sentence(target, last)) from last


def addresses(host: str, timeout: float, *, allow_private: Iterable[str | Network] = ()) -> list[str]:
    """Where a host leads to, resolved and checked, for those who speak neither HTTP nor TCP."""
    policy = Policy(tuple(ipaddress.ip_network(each) for each in allow_private))
    return [str(one) for one in _addresses(_named(host), policy, _Deadline(timeout))]


def _named(host: str, port: int | None = None) -> SplitResult:
    name = f"[{host}]" if ":" in host else host
    return parse(f"http://{name}" if port is None else f"http://{name}:{port}")


def check(
    url: str, *, allow_private: Iterable[str | Network] = (), trusted: bool = False, resolve: Resolver | None = None
) -> None:
    """Raise Refused when a request to this URL would be; for forms, before anything is saved."""
    policy = Policy(tuple(ipaddress.ip_network(each) for each in allow_private), trusted, resolve)
    with suppress(Unreachable):  # a name may come to life later; it is checked again then
        _addresses(parse(url), policy, _Deadline(5))


def check_written(url: str, *, allow_private: Iterable[str | Network] = ()) -> None:
    """Raise Refused where the address as written, of any scheme, is not allowed; no name is asked for."""
    try:
        host = urlsplit(url).hostname or ""
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return  # a name, or what only the kind that uses it can read
    _check_address(host, address, Policy(tuple(ipaddress.ip_network(each) for each in allow_private)))


def connect(
    host: str, port: int, timeout: float, *, allow_private: Iterable[str | Network] = (), trace: Trace | None = None
) -> socket.socket:
    """A plain connection for those who speak no HTTP, or speak it themselves: resolved, checked and pinned alike.

    Raises Refused when the target is not allowed and Unreachable when it did not answer.
    """
    target = _named(host, port)
    policy = Policy(tuple(ipaddress.ip_network(each) for each in allow_private), trace=trace)
    deadline = _Deadline(timeout)
    last: Exception = Unreachable(f"{host} has no address.")
    addresses = _addresses(target, policy, deadline)
    for tried, address in enumerate(addresses):
        try:
            made = socket.create_connection((str(address), port), timeout=deadline.left() / (len(addresses) - tried))
        except OSError as error:
            last = error
            continue
        policy.mark("connect")
        made.settimeout(timeout)
        return made
    raise Unreachable(_sentence(target, last)) from last


def parse(url: str) -> SplitResult:
    """The URL's parts, when every reader of it would see the same ones."""
    if _UNSAFE.search(url) or len(url) > 4096:
        raise Refused("The address has spaces, control or non-ASCII characters. Write it percent-encoded.")
    try:
        target = urlsplit(url)
        port = target.port
    except ValueError as error:
        raise Refused(f"The address cannot be read: {error}.") from error
    if target.scheme not in {"http", "https"} or not target.hostname:
        raise Refused("The address must begin with http:// or https:// and name a host.")
    if "@" in target.netloc:
        raise Refused("The address contains a user name or password. Put the secret into a header.")
    if port == 0 or target.netloc.endswith(":"):
        raise Refused("The address names no port after the colon. Write one from 1 to 65535.")
    _check_host(target)
    return target


def _check_host(target: SplitResult) -> None:
    host = target.hostname or ""
    if "[" in target.netloc:
        if not re.fullmatch(r"\[[0-9a-fA-F:.]+\](:\d+)?", target.netloc):
            raise Refused("The address in brackets is no plain IPv6 address.")
        _literal(host)
        return
    if _NUMERIC.fullmatch(host.rstrip(".").rpartition(".")[2]):
        # 127.1, 2130706433, 0177.0.0.1, 0x7f.1: libraries read these as addresses, each its own way.
        if re.fullmatch(r"(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}", host):
            _literal(host)
            return
        raise Refused(f"{host} is an unusual way to write an address. Write four plain numbers, or a name.")
    if not _NAME.fullmatch(host):
        raise Refused(f"{host} is no host name.")


def _literal(host: str) -> Address:
    if "%" in host:
        raise Refused(f"{host} names a zone, which cannot be used. Leave it out.")
    try:
        return ipaddress.ip_address(host)
    except ValueError as error:
        raise Refused(f"{host} is no address that can be used: {error}.") from error


def _addresses(target: SplitResult, policy: Policy, deadline: _Deadline) -> list[Address]:
    """Every address of the host; one that is not allowed refuses all, else a mixed answer would be a door."""
    host = target.hostname or ""
    found = [ipaddress.ip_address(text.partition("%")[0]) for text in _resolve(host, _port(target), policy, deadline)]
    for address in found:
        _check_address(host, address, policy)
    policy.mark("name")
    return list(dict.fromkeys(found))


def _resolve(host: str, port: int, policy: Policy, deadline: _Deadline) -> list[str]:
    with suppress(Refused):
        return [str(_literal(host))]
    results: list[str] = []
    failures: list[Exception] = []

    def ask() -> None:
        try:
            results.extend((policy.resolve or _system)(host, port))
        except (OSError, UnicodeError) as error:
            failures.append(error)

    # In a thread, because the system's resolver knows no deadline.
    thread = threading.Thread(target=ask, name="resolve", daemon=True)
    thread.start()
    thread.join(deadline.left())
    deadline.left()
    if failures or not results:
        raise Unreachable(f"The name {host} cannot be resolved. Check its spelling and the name server.")
    return results


def _system(host: str, port: int) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _check_address(host: str, address: Address, policy: Policy) -> None:
    if policy.trusted:
        return
    faces = list(_faces(address))
    if METADATA & set(faces):
        raise Refused(f"{host} leads to a cloud's metadata service, which is never allowed.")
    if any(address in network for network in policy.allow):
        return
    if not all(_public(face) for face in faces):
        leads = f"{host} is" if host == str(address) else f"{host} leads to {address}, which is"
        raise Refused(
            f"{leads} not a public address. "
            "If it should be reached, add its network to WATCHKEEPER_OUTGOING_ALLOW and restart the hub."
        )


def _faces(address: Address) -> Iterable[Address]:
    """The address, and every IPv4 address that is packed into it."""
    yield address
    if isinstance(address, ipaddress.IPv4Address):
        return
    packed = address.packed
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in _NAT64) or address in _COMPATIBLE or _ISATAP.search(address.exploded):
        inner.append(ipaddress.IPv4Address(packed[12:]))
    if packed[:10] == bytes(8) + b"\xff\xff":  # ::ffff:0:a.b.c.d, translated addresses
        inner.append(ipaddress.IPv4Address(packed[12:]))
    yield from filter(None, inner)


def _public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return _public(address.ipv4_mapped)
    odd = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    inside = any(address in network for network in _INSIDE)
    return address.is_global and not (odd or inside or address.is_link_local or address.is_private)


def _port(target: SplitResult) -> int:
    return target.port or (443 if target.scheme == "https" else 80)


def checked_headers(method: str, headers: Mapping[str, str]) -> dict[str, str]:
    if method not in _METHODS:
        raise Refused(f"{method!r} is no method that can be sent.")
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or name.lower() in _OURS:
            raise Refused(f"The header name {name!r} cannot be sent.")
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value) or not value.isprintable():
            raise Refused(f"The value of the header {name} has a line break or a control character.")
        try:
            value.encode("latin1")
        except UnicodeEncodeError as error:
            raise Refused(f"The value of the header {name} has characters that headers cannot carry.") from error
    return dict(headers)


@lru_cache(maxsize=1)
def _usual(_hour: int) -> ssl.SSLContext:
    """Read once an hour: the system's authorities cost more than all the rest of a request."""
    return ssl.create_default_context()


def _connect(target: SplitResult, address: Address, policy: Policy, seconds: float) -> socket.socket:
    """Connect to the checked address itself; the name serves for SNI and the certificate alone."""
    until = time.monotonic() + seconds
    plain = socket.create_connection((str(address), _port(target)), timeout=seconds)
    policy.mark("connect")
    if target.scheme == "http":
        return plain
    context = policy.context or _usual(int(time.time()) // 3600)
    plain.settimeout(max(0.05, until - time.monotonic()))  # one time for both, not one each
    try:
        safe = context.wrap_socket(plain, server_hostname=(target.hostname or "").rstrip("."))
    except BaseException:
        plain.close()
        raise
    policy.mark("tls")
    if policy.trace is not None:
        policy.trace.certificate = safe.getpeercert(binary_form=True)
    return safe


def _peek(
    target: SplitResult, addresses: list[Address], policy: Policy, error: Exception, deadline: _Deadline
) -> None:
    """The certificate that was refused, for those who measure: nothing is sent over this connection."""
    if policy.trace is None or not isinstance(error, ssl.SSLCertVerificationError):
        return
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    with suppress(OSError, Unreachable):
        _connect(target, addresses[-1], Policy(context=blind, trace=policy.trace), min(3.0, deadline.left())).close()


class _Lines:
    """What stands before a body, in bounds: http.client takes a hundred headers of 64 KiB, and 100s without end."""

    def __init__(self, heard: Any) -> None:
        self.heard = heard
        self.left = MOST_HEADERS

    def readline(self, limit: int = -1) -> bytes:
        line: bytes = self.heard.readline(limit)
        self.left -= len(line)
        if self.left < 0:
            raise http.client.LineTooLong("headers")
        return line

    def __getattr__(self, name: str) -> Any:
        return getattr(self.heard, name)


class _Response(http.client.HTTPResponse):
    """An answer whose headers are bounded as a whole."""

    def begin(self) -> None:
        heard = self.fp
        self.fp = _Lines(heard)  # type: ignore[assignment]
        try:
            super().begin()
        finally:
            if self.fp is not None:
                self.fp = heard


class _Pinned(http.client.HTTPConnection):
    """http.client over a socket that is already connected."""

    response_class = _Response

    def __init__(self, target: SplitResult, connected: socket.socket) -> None:
        super().__init__(target.hostname or "", _port(target))
        self.sock = connected
        self.auto_open = 0


def _exchange(
    connected: socket.socket,
    sending: tuple[str, SplitResult, bytes, dict[str, str]],
    deadline: _Deadline,
    most: int,
    policy: Policy,
) -> Answer:
    method, target, body, headers = sending
    connection = _Pinned(target, connected)
    # A timeout counts from each byte anew; only this clock ends an answer that drips.
    connected.settimeout(deadline.left())  # while it was connected to, the other addresses had their share
    clock = threading.Timer(deadline.left(), _cut, [connected])
    clock.daemon = True
    clock.start()
    try:
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        connection.request(method, path, body or None, _complete(headers, target))
        response = connection.getresponse()
        policy.mark("first_byte")
        answer = _read(response, most)
        policy.mark("body")
    except (OSError, http.client.HTTPException) as error:
        deadline.left()
        raise Unreachable(_sentence(target, error)) from error
    finally:
        clock.cancel()
        connection.close()
    deadline.left()  # an answer that our own clock cut off looks whole when it named no length
    return answer


def _complete(headers: dict[str, str], target: SplitResult) -> dict[str, str]:
    usual = {"Host": target.netloc, "User-Agent": "Watchkeeper", "Connection": "close"}
    if any(name.lower() == "user-agent" for name in headers):
        del usual["User-Agent"]
    return {**usual, **headers}


def _cut(connected: socket.socket) -> None:
    with suppress(OSError):
        # Not the method of an SSL socket: that would take its state away under the reading thread.
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _read(response: http.client.HTTPResponse, most: int) -> Answer:
    """At most `most` bytes of the body; the rest stays with the sender."""
    pieces: list[bytes] = []
    left = most
    while left > 0 and (piece := response.read1(min(left, 16 << 10))):
        pieces.append(piece)
        left -= len(piece)
    if left > 0 and response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return Answer(
        response.status, {name.lower(): value for name, value in response.headers.items()}, b"".join(pieces)
    )


def _sentence(target: SplitResult, error: Exception) -> str:
    host: Any = target.hostname
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of {host} is not valid: {error.verify_message}."
    if isinstance(error, ssl.SSLError):
        return f"{host} does not speak TLS as we do: {error.reason or 'the handshake failed'}."
    if isinstance(error, TimeoutError):
        return f"{host} did not answer in time."
    if isinstance(error, OSError):
        return f"{host} cannot be reached: {error.strerror or type(error).__name__}."
    return f"{host} sent no valid HTTP answer ({type(error).__name__})."
