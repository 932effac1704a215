"""One kept connection to the hub: JSON out, JSON in, and every failure as a sentence."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

from watchkeeper_agent import VERSION
from watchkeeper_agent.config import check_url
from watchkeeper_agent.errors import Trouble

LARGEST_ANSWER = 1 << 20
STALE = (ConnectionError, http.client.RemoteDisconnected, ssl.SSLEOFError, ssl.SSLZeroReturnError)
NOT_YET, EXPIRED, WRONG_NAME, WRONG_ADDRESS = 9, 10, 62, 64  # OpenSSL's X509_V_ERR_…


class Unreachable(Trouble):
    """No answer from the hub: keep everything, try again later."""


class Answer:
    """What the hub said."""

    def __init__(self, status: int, retry_after: str, document: dict[str, Any]) -> None:
        self.status = status
        self.document = document
        # An HTTP date instead of seconds is legal; nobody of ours sends one.
        self.retry_after = float(retry_after) if retry_after.isdigit() else None

    @property
    def detail(self) -> str:
        return str(self.document.get("detail") or f"The hub answered {self.status}.")


class Hub:
    """Keep-alive, one request at a time; `abort` may come from another thread."""

    def __init__(
        self, url: str, key: str = "", ca: str | None = None, *, insecure: bool = False, timeout: float = 10.0
    ) -> None:
        check_url(url, insecure=insecure)
        self.url = url.rstrip("/")
        self.parts = urlsplit(self.url)
        self.ca = ca
        self.timeout = timeout
        self.headers = {"Content-Type": "application/json", "User-Agent": f"watchkeeper-agent/{VERSION}"}
        if key:
            self.headers["Authorization"] = f"Bearer {key}"
        self.context = _trust(ca) if self.parts.scheme == "https" else None
        self.connection: http.client.HTTPConnection | None = None

    def post(self, path: str, document: dict[str, Any]) -> Answer:
        body = json.dumps(document, separators=(",", ":")).encode()
        kept = self.connection is not None
        try:
            return self._exchange(path, body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            # A kept connection may have been closed by the other side while it was idle: that says nothing.
            if not (kept and isinstance(error, STALE)):
                raise Unreachable(self._sentence(error)) from error
        try:
            return self._exchange(path, body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unreachable(self._sentence(error)) from error

    def _exchange(self, path: str, body: bytes) -> Answer:
        connection = self.connection = self.connection or self._connect()
        connection.request("POST", self.parts.path + path, body, self.headers)
        answer = connection.getresponse()
        content = answer.read(LARGEST_ANSWER)
        if answer.will_close or not answer.isclosed():
            self.close()
        try:
            document = json.loads(content) if content else {}
        except ValueError:
            document = {}  # some proxy's page: its status tells enough
        return Answer(
            answer.status, answer.getheader("Retry-After") or "", document if isinstance(document, dict) else {}
        )

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self.parts.hostname or "", self.parts.port
        connection: http.client.HTTPConnection
        if self.context:
            connection = http.client.HTTPSConnection(host, port, timeout=self.timeout, context=self.context)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=self.timeout)
        self.connection = connection  # from here on `abort` finds it
        connection.connect()
        return connection

    def close(self) -> None:
        connection, self.connection = self.connection, None
        if connection:
            connection.close()

    def abort(self) -> None:
        """Let a waiting request fail now, so that the program can end."""
        sock = self.connection and self.connection.sock
        if sock:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _sentence(self, error: Exception) -> str:
        if isinstance(error, ssl.SSLError):
            return self._tls_sentence(error)
        if isinstance(error, ConnectionRefusedError):
            return f"Nobody answers at {self.url} (connection refused). Is the hub running, and the address right?"
        if isinstance(error, socket.gaierror):
            return f"The name {self.parts.hostname} is not known here. Check the address and this machine's DNS."
        if isinstance(error, socket.timeout):
            return f"No answer from {self.url} within {self.timeout:.0f} s. Is a firewall in between?"
        if isinstance(error, http.client.HTTPException):
            return f"{self.url} does not answer in http. Is it https, or another program's port?"
        return f"{self.url} cannot be reached ({getattr(error, 'strerror', None) or error})."

    def _tls_sentence(self, error: ssl.SSLError) -> str:
        if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
            return f"{self.url} hung up in the middle. Is the hub just starting, or a proxy in between?"
        if not isinstance(error, ssl.SSLCertVerificationError):
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


def _trust(ca: str | None) -> ssl.SSLContext:
    """The pinned authority alone, or the system's where none is pinned."""
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise Trouble(
            f"The certificate file {ca} cannot be used ({error.strerror or error}). Enrol again."
        ) from error
