"""One look at a web address, a port, a name or a host, with the standard library alone."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any, Callable
from urllib.parse import urldefrag, urljoin, urlsplit

from watchkeeper_agent.collectors.child import which

PARTS = ("name", "connect", "tls", "first_byte", "body")
MOST_READ = 1 << 20
MOST_REDIRECTS = 10
# Never, whoever asks: what tells a machine its own keys.
NEVER = ("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16")


class Bad(Exception):
    """What was found is not what was wished for; the text says why."""


class Found:
    """What one look found; `private`: networks that are not public and may be looked at."""

    def __init__(self, private: Sequence[str] = ()) -> None:
        self.private = private
        self.ok = False
        self.said = ""
        self.seconds = 0.0
        self.parts: dict[str, float] = {}
        self.certificate: float | None = None
        self.last = time.monotonic()

    def mark(self, part: str) -> None:
        now = time.monotonic()
        self.parts[part] = self.parts.get(part, 0.0) + now - self.last
        self.last = now


def look(kind: str, wanted: dict[str, Any], timeout: float, private: Sequence[str] = ()) -> Found:
    """Never raises: whatever goes wrong is said."""
    found, began = Found(private), time.monotonic()
    target, config = str(wanted.get("target")), dict(wanted.get("config") or {})
    try:
        found.said = LOOKS[kind](target, config, timeout, found)
        found.ok = True
    except Bad as bad:
        found.said = str(bad)
    except TimeoutError:
        found.said = f"{target} did not answer within {timeout:g} s."
    except (OSError, ValueError) as error:
        found.said = f"{target} cannot be reached: {getattr(error, 'strerror', None) or error}."[:300]
    found.seconds = time.monotonic() - began
    return found


def _addresses(host: str, port: int, private: Sequence[str]) -> list[tuple[int, Any]]:
    """Where it leads, checked: a name may lead anywhere."""
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for info in infos:
        faces = _faces(ipaddress.ip_address(str(info[4][0]).partition("%")[0]))
        for face in faces:
            if str(face) in NEVER or face.is_link_local:
                raise Bad(f"{host} leads to {face}, which is never looked at.")
            if not _public(face) and not any(_within_network(one, private) for one in faces):
                raise Bad(f"{host} leads to {face}. Only collect.probe_private in this agent's file allows that.")
    return [(int(info[0]), info[4]) for info in infos]


def _faces(address: Any) -> list[Any]:
    """The address, and every IPv4 address that is packed into it."""
    if address.version == 4:
        return [address]
    inner = [address.ipv4_mapped, address.sixtofour]
    if address.packed[:12] in (bytes(12), b"\0\x64\xff\x9b" + bytes(8)):
        inner.append(ipaddress.IPv4Address(address.packed[12:]))
    return [address, *(one for one in inner if one is not None)]


def _public(address: Any) -> bool:
    if address.version == 6 and address.ipv4_mapped:
        return True  # what is packed into it is judged by itself
    odd = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    return bool(address.is_global and not odd and not address.is_private)


def _within_network(address: Any, networks: Sequence[str]) -> bool:
    try:
        return any(address in ipaddress.ip_network(one, strict=False) for one in networks)
    except ValueError as error:
        raise Bad(f"collect.probe_private in this agent's file names no network: {error}.") from error


def _connect(host: str, port: int, until: float, found: Found) -> Any:
    places = _addresses(host, port, found.private)
    found.mark("name")
    last: OSError = OSError("no address")
    for number, (family, place) in enumerate(places):
        made = socket.socket(family, socket.SOCK_STREAM)
        made.settimeout(max(0.05, (until - time.monotonic()) / (len(places) - number)))
        try:
            made.connect(place)
        except OSError as error:
            made.close()
            last = error
            continue
        made.settimeout(max(0.05, until - time.monotonic()))  # the other addresses need no share of it now
        found.mark("connect")
        return made
    raise last


def _tcp(target: str, config: dict[str, Any], timeout: float, found: Found) -> str:
    host, _, port = target.rpartition(":")
    until = time.monotonic() + timeout
    with _connect(host.strip("[]"), int(port), until, found) as made:
        expect = str(config.get("expect") or "").encode()
        heard = b""
        while expect and expect not in heard and len(heard) < 4096:
            if time.monotonic() >= until:
                raise TimeoutError
            made.settimeout(max(0.05, until - time.monotonic()))
            piece = made.recv(4096)
            if not piece:
                break
            heard += piece
        if expect and expect not in heard:
            raise Bad(f"It does not say {config['expect']!r}.")
    return f"Port {port} takes connections."


def _ping(target: str, _config: dict[str, Any], timeout: float, found: Found) -> str:
    address = str(_addresses(target, 0, found.private)[0][1][0])
    found.mark("name")
    name, *words = _ping_words(address, timeout)
    program = which(name)
    if program is None:
        raise Bad(f"This machine has no {name} program.")
    try:
        done = subprocess.run(  # noqa: S603 - our own words, no shell
            [program, *words, address],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout + 1,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError from error
    found.mark("first_byte")
    if done.returncode or _unreachable(address, done.stdout):
        raise Bad(f"{address} did not answer.")
    return f"{address} answered."


def _ping_words(address: str, timeout: float) -> list[str]:
    """One question without asking for names; each system counts the wait in its own way."""
    seconds, thousandths = str(max(1, round(timeout))), str(max(1, round(1000 * timeout)))
    if sys.platform == "win32":
        return ["ping", "-n", "1", "-w", thousandths]
    if sys.platform == "darwin":  # whose other program counts no wait: we do
        return ["ping6", "-n", "-c", "1"] if ":" in address else ["ping", "-n", "-c", "1", "-W", thousandths]
    return ["ping", "-n", "-c", "1", "-W", seconds]


def _unreachable(address: str, told: bytes) -> bool:
    """Windows counts a router's "unreachable" as an answer; only a real one tells its time to live."""
    return sys.platform == "win32" and ":" not in address and b"TTL=" not in told


def _dns(target: str, config: dict[str, Any], _timeout: float, found: Found) -> str:
    family = socket.AF_INET6 if config.get("record") == "AAAA" else socket.AF_INET
    try:
        infos = socket.getaddrinfo(target, None, family, socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise Bad(f"{target} has no {config.get('record') or 'A'} record.") from error
    found.mark("first_byte")
    shown = ", ".join(sorted({str(info[4][0]) for info in infos}))
    if str(config.get("expect") or "") not in shown:
        raise Bad(f"The answer has no {config['expect']!r}: {shown[:200]}.")
    return shown[:200]


def _http(target: str, config: dict[str, Any], timeout: float, found: Found) -> str:
    until, seen = time.monotonic() + timeout, {target}
    most = min(MOST_REDIRECTS, int(config.get("redirects", 5)))
    while True:
        status, headers, body = _fetch(target, config, until, found)
        to = headers.get("location", "")
        if status not in (301, 302, 303, 307, 308) or not most or not to:
            return _judged(status, body, config)
        before, target = target, urldefrag(urljoin(target, to)).url
        if target in seen:
            raise Bad("It redirects in circles.")
        if len(seen) > most:
            raise Bad(f"More than {most} redirects.")
        seen.add(target)
        config = _onwards(config, status, before, target)


def _onwards(config: dict[str, Any], status: int, before: str, after: str) -> dict[str, Any]:
    """What is asked at the next address, as the hub does: what is sent is for its own host alone."""
    if status == 303 or (config.get("method") == "POST" and status in (301, 302)):
        return {**config, "method": "GET", "body": ""}
    if config.get("body") and urlsplit(before).hostname != urlsplit(after).hostname:
        raise Bad(f"It redirects to {after[:200]}, and what is sent is for its own host alone.")
    return config


def _fetch(url: str, config: dict[str, Any], until: float, found: Found) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise Bad(f"{url[:200]} is no web address.")
    secure = parts.scheme == "https"
    made = _connect(parts.hostname, parts.port or (443 if secure else 80), until, found)
    if secure:
        made = _secured(made, parts.hostname, config, found)
    clock = _cut_at(made, until)  # of the socket that is read: what was wrapped is another one
    try:
        line = http.client.HTTPConnection(parts.hostname)
        line.sock = made
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Host": parts.netloc, "User-Agent": "Watchkeeper", "Connection": "close"}
        headers.update({str(name): str(value) for name, value in dict(config.get("headers") or {}).items()})
        sent = str(config.get("body") or "").encode() or None
        line.request(str(config.get("method") or "GET"), path, sent, headers)
        answer = line.getresponse()
        found.mark("first_byte")
        body = _read(answer, until)
        found.mark("body")
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body
    except http.client.HTTPException as error:
        if time.monotonic() >= until:  # our own clock broke it off
            raise TimeoutError from error
        raise Bad(f"It sent no valid HTTP answer ({type(error).__name__}).") from error
    finally:
        clock.cancel()
        made.close()


def _cut_at(made: Any, until: float) -> Any:
    """A time limit on each read alone would never end an answer that drips."""

    def cut() -> None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(made, socket.SHUT_RDWR)

    clock = threading.Timer(max(0.05, until - time.monotonic()), cut)
    clock.daemon = True
    clock.start()
    return clock


def _secured(made: Any, host: str, config: dict[str, Any], found: Found) -> Any:
    context = ssl.create_default_context()
    if config.get("verify") is False:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        safe = context.wrap_socket(made, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        raise Bad(f"The certificate of {host} is not valid: {error.verify_message}.") from error
    found.mark("tls")
    shown = safe.getpeercert() or {}
    if "notAfter" in shown:
        found.certificate = ssl.cert_time_to_seconds(str(shown["notAfter"])) - time.time()
    return safe


def _read(answer: Any, until: float) -> bytes:
    body = b""
    while len(body) < MOST_READ:
        piece = answer.read1(16384)
        if not piece:
            break
        body += piece
    if time.monotonic() > until:  # what our own clock cut off looks whole
        raise TimeoutError
    if len(body) < MOST_READ and answer.length:
        raise http.client.IncompleteRead(b"", answer.length)
    return body


def _judged(status: int, body: bytes, config: dict[str, Any]) -> str:
    wanted = str(config.get("status") or "200-299")
    if not any(_within(status, part) for part in wanted.split(",")):
        raise Bad(f"It answers {status}, not {wanted}.")
    text = body.decode("utf-8", "replace")
    if config.get("text") and str(config["text"]) not in text:
        raise Bad(f"It answers {status}, but without {config['text']!r}."[:300])
    if config.get("no_text") and str(config["no_text"]) in text:
        raise Bad(f"It answers {status}, but with {config['no_text']!r}."[:300])
    if config.get("json"):
        _judge_json(text, str(config["json"]), str(config.get("value") or ""))
    return f"It answers {status}."


def _judge_json(text: str, path: str, value: str) -> None:
    try:
        at = json.loads(text)
        for name, number in re.findall(r"\.?([^.\[\]]+)|\[(\d+)\]", path):
            at = at[name] if name else at[int(number)]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise Bad(f"Its JSON has no {path}.") from error
    shown = at if isinstance(at, str) else json.dumps(at, separators=(",", ":"))
    if shown != value:
        raise Bad(f"{path} is {shown[:100]}, not {value[:100]}.")


def _within(status: int, part: str) -> bool:
    low, _, high = part.strip().partition("-")
    return int(low) <= status <= int(high or low)


LOOKS: dict[str, Callable[[str, dict[str, Any], float, Found], str]] = {
    "http": _http,
    "tcp": _tcp,
    "ping": _ping,
    "dns": _dns,
}
