"""One kept connection to the hub: JSON out, JSON in, and every failure as a sentence."""

from __future__ import annotations

import json
import socket
import sys
from typing import Any

from watchkeeper_agent import VERSION
from watchkeeper_agent.config import address
from watchkeeper_agent.errors import Trouble
from watchkeeper_agent.http1 import Connection, NotHttp, Reply, is_number

NOT_YET, EXPIRED, WRONG_NAME, WRONG_ADDRESS = 9, 10, 62, 64  # OpenSSL's X509_V_ERR_…
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


class Unreachable(Trouble):
    """No answer from the hub: keep everything, try again later."""


class Answer:
    """What the hub said."""

    def __init__(self, status: int, retry_after: str, document: dict[str, Any], date: str = "") -> None:
        self.status = status
        self.document = document
        # An HTTP date instead of seconds is legal; nobody of ours sends one.
        self.retry_after = float(retry_after) if is_number(retry_after) else None
        self.at = seconds_of(date)

    @property
    def detail(self) -> str:
        return str(self.document.get("detail") or f"The hub answered {self.status}.")


class Hub:
    """Keep-alive, one request at a time; `abort` may come from another thread."""

    def __init__(
        self, url: str, key: str = "", ca: str | None = None, *, insecure: bool = False, timeout: float = 10.0
    ) -> None:
        self.secure, self.host, self.port, self.base = address(url, insecure=insecure)
        self.url = url.rstrip("/")
        self.ca = ca
        self.insecure = insecure
        self.timeout = timeout
        self.key = key
        self.context = _trust(ca) if self.secure else None
        self.connection: Connection | None = None

    def twin(self, key: str = "", timeout: float | None = None) -> Hub:
        """Another connection to the same hub, which shares what is trusted."""
        other = Hub.__new__(Hub)
        other.__dict__.update(self.__dict__, connection=None, key=key or self.key, timeout=timeout or self.timeout)
        return other

    def post(self, path: str, document: dict[str, Any]) -> Answer:
        # A path on a disk may be no text; the hub would refuse all of a report that holds half a letter.
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
        return self._ask("POST", path, text.encode("utf-8", "replace"))

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, b"")

    def _ask(self, method: str, path: str, body: bytes) -> Answer:
        head = self._head(method, path, len(body))
        kept = self.connection is not None
        try:
            return self._exchange(head, body)
        except (OSError, NotHttp) as error:
            self.close()
            # A kept connection may have been closed by the other side while it was idle: that says nothing.
            if not (kept and _stale(error)):
                raise Unreachable(self._sentence(error)) from error
        try:
            return self._exchange(head, body)
        except (OSError, NotHttp) as error:
            self.close()
            raise Unreachable(self._sentence(error)) from error

    def _head(self, method: str, path: str, length: int) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        lines = [
            f"{method} {self.base}{path} HTTP/1.1",
            f"Host: {host}:{self.port}",
            f"User-Agent: watchkeeper-agent/{VERSION}",
            "Accept-Encoding: identity",
        ]
        if method == "POST":
            lines += ["Content-Type: application/json", f"Content-Length: {length}"]
        if self.key:
            lines.append(f"Authorization: Bearer {self.key}")
        return "\r\n".join(lines)

    def _exchange(self, head: str, body: bytes) -> Answer:
        connection = self.connection
        if connection is None:
            # Known before it connects: from here on `abort` finds it.
            connection = self.connection = Connection(self.host, self.port, self.context)
        try:
            if not connection.usable:
                connection.connect(self.timeout)
            return _answer(connection.exchange(head, body, self.timeout))
        finally:
            if not connection.usable:  # whatever went wrong: half an answer must not be taken for the next one
                self.close()

    def close(self) -> None:
        connection, self.connection = self.connection, None
        if connection:
            connection.close()

    def abort(self) -> None:
        """Let a waiting request fail now, so that the program can end."""
        connection = self.connection
        if connection:
            connection.abort()

    def _sentence(self, error: Exception) -> str:
        if _is_tls(error):
            return self._tls_sentence(error)
        if isinstance(error, ConnectionRefusedError):
            return f"Nobody answers at {self.url} (connection refused). Is the hub running, and the address right?"
        if isinstance(error, socket.gaierror):
            return f"The name {self.host} is not known here. Check the address and this machine's DNS."
        if isinstance(error, socket.timeout):
            return f"No answer from {self.url} within {self.timeout:.0f} s. Is a firewall in between?"
        if isinstance(error, NotHttp):
            return f"{self.url} does not answer in http. Is it https, or another program's port?"
        return f"{self.url} cannot be reached ({getattr(error, 'strerror', None) or error})."

    def _tls_sentence(self, error: Any) -> str:
        kind = type(error).__name__
        if kind in ("SSLEOFError", "SSLZeroReturnError"):
            return f"{self.url} hung up in the middle. Is the hub just starting, or a proxy in between?"
        if kind != "SSLCertVerificationError":
            return f"{self.url} does not speak TLS as it should ({error.reason}). Is it plain http?"
        if error.verify_code in (NOT_YET, EXPIRED):
            return (
                f"The certificate of {self.url} is not valid at this machine's time ({error.verify_message}). "
                "Check this machine's clock first, then the hub's."
            )
        if error.verify_code in (WRONG_NAME, WRONG_ADDRESS):
            return f"The certificate of {self.url} is for another name. Use the address shown under Add server."
        trusted = f"the authority in {self.ca}" if self.ca else "an authority this machine trusts"
        return (
            f"The certificate of {self.url} is not signed by {trusted}. If the hub was set up anew, paste the "
            "line from Add server again; if not, somebody may be in between."
        )


def _trust(ca: str | None) -> Any:
    """The pinned authority alone, or the system's where none is pinned."""
    import ssl  # noqa: PLC0415 - five MiB that plain http on loopback does without

    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise Trouble(
            f"The certificate file {ca} cannot be used ({error.strerror or error}). Enrol again."
        ) from error


def _is_tls(error: Exception) -> bool:
    ssl = sys.modules.get("ssl")
    return ssl is not None and isinstance(error, ssl.SSLError)


def _stale(error: Exception) -> bool:
    return isinstance(error, ConnectionError) or type(error).__name__ in ("SSLEOFError", "SSLZeroReturnError")


def _answer(reply: Reply) -> Answer:
    try:
        document = json.loads(reply.content) if reply.content else {}
    except ValueError:
        document = {}  # some proxy's page: its status tells enough
    headers = reply.headers
    return Answer(
        reply.status,
        headers.get("retry-after", ""),
        document if isinstance(document, dict) else {},
        headers.get("date", ""),
    )


def seconds_of(date: str) -> float | None:
    """The hub's clock, from "Sat, 21 Nov 2026 04:59:05 GMT"; None for anything else."""
    try:
        _, day, month, year, clock, _ = date.split()
        hours, minutes, seconds = (int(part) for part in clock.split(":"))
        number, past = MONTHS.index(month), int(year) - 1
        leap = number > 1 and (int(year) % 4 == 0 and (int(year) % 100 != 0 or int(year) % 400 == 0))
        days = (
            past * 365 + past // 4 - past // 100 + past // 400 - 719_162 + DAYS_BEFORE[number] + int(day) - 1 + leap
        )
    except ValueError:
        return None
    return float(days * 86_400 + hours * 3600 + minutes * 60 + seconds)
