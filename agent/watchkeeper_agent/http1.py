"""The little of HTTP/1.1 that one client needs for one server: `http.client` would double what the agent weighs."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

LARGEST_HEAD, LARGEST_ANSWER = 64 << 10, 1 << 20
PIECE = 64 << 10


class NotHttp(Exception):
    """What came back is no HTTP, or more than any answer of ours."""


class Closed(ConnectionError):
    """The other side hung up before the first byte of an answer: a kept connection that had grown old."""


class Reply:
    """One answer as it came; header names are lower case."""

    def __init__(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.status = status
        self.headers = headers
        self.content = content


class Connection:
    """One socket, one exchange at a time; `deadline` bounds an exchange as a whole, drop by drop or not."""

    def __init__(self, host: str, port: int, context: Any = None) -> None:
        self.host, self.port, self.context = host, port, context
        self.sock: socket.socket | None = None
        self.left = b""
        self.usable = False

    def connect(self, timeout: float) -> None:
        self.sock = socket.create_connection((self.host, self.port), timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context:
            # The name is checked by the context, against what the certificate says.
            self.sock = self.context.wrap_socket(self.sock, server_hostname=self.host)
        self.usable = True

    def exchange(self, head: str, body: bytes, timeout: float) -> Reply:
        """Send a request (its head without the empty line) and take in the whole answer."""
        assert self.sock  # noqa: S101 - for the types: connect() comes first
        deadline = time.monotonic() + timeout
        self.usable = False  # until all of the answer has been read
        self.sock.settimeout(timeout)
        self.sock.sendall(head.encode("latin-1") + b"\r\n\r\n" + body)
        status, headers = self._head(deadline)
        while 100 <= status < 200:
            status, headers = self._head(deadline)
        content = self._content(status, headers, deadline)
        self.usable = self.usable and headers.get("connection", "").lower() != "close"
        return Reply(status, headers, content)

    def _head(self, deadline: float) -> tuple[int, dict[str, str]]:
        while b"\r\n\r\n" not in self.left:
            if len(self.left) > LARGEST_HEAD:
                raise NotHttp
            piece = self._receive(deadline)
            if not piece:
                if self.left:
                    raise NotHttp
                raise Closed("hung up")
            self.left += piece
            if not self.left.startswith(b"HTTP/1."[: len(self.left)]):
                raise NotHttp
        head, _, self.left = self.left.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split(None, 2)
        if len(words) < 2 or not (is_number(words[1]) and len(words[1]) == 3):
            raise NotHttp
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        if words[0] == "HTTP/1.0":
            headers.setdefault("connection", "close")
        return int(words[1]), headers

    def _content(self, status: int, headers: dict[str, str], deadline: float) -> bytes:
        if status in (204, 304):
            self.usable = True
            return b""
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._chunks(deadline)
        length = headers.get("content-length")
        if length is None:
            return self._rest(deadline)
        if not is_number(length) or int(length) > LARGEST_ANSWER:
            raise NotHttp
        content = self._exactly(int(length), deadline)
        self.usable = not self.left  # what nobody asked for would be taken for the next answer
        return content

    def _chunks(self, deadline: float) -> bytes:
        content = b""
        while True:
            size = self._line(deadline).partition(b";")[0].strip()
            try:
                length = int(size, 16)
            except ValueError:
                raise NotHttp from None
            if length < 0 or len(content) + length > LARGEST_ANSWER:
                raise NotHttp
            if not length:
                break
            content += self._exactly(length, deadline)
            self._exactly(2, deadline)
        while self._line(deadline):  # trailers
            pass
        self.usable = not self.left
        return content

    def _rest(self, deadline: float) -> bytes:
        while len(self.left) <= LARGEST_ANSWER:
            piece = self._receive(deadline)
            if not piece:
                content, self.left = self.left, b""
                return content
            self.left += piece
        raise NotHttp

    def _line(self, deadline: float) -> bytes:
        while b"\r\n" not in self.left:
            if len(self.left) > LARGEST_HEAD:
                raise NotHttp
            self.left += self._more(deadline)
        line, _, self.left = self.left.partition(b"\r\n")
        return line

    def _exactly(self, length: int, deadline: float) -> bytes:
        pieces, have = [self.left], len(self.left)
        while have < length:
            pieces.append(self._more(deadline))
            have += len(pieces[-1])
        whole = b"".join(pieces)
        self.left = whole[length:]
        return whole[:length]

    def _more(self, deadline: float) -> bytes:
        piece = self._receive(deadline)
        if not piece:
            raise ConnectionError("hung up in the middle of an answer")
        return piece

    def _receive(self, deadline: float) -> bytes:
        assert self.sock  # noqa: S101 - as above
        rest = deadline - time.monotonic()
        if rest <= 0:
            raise socket.timeout("timed out")
        self.sock.settimeout(rest)
        return self.sock.recv(PIECE)

    def abort(self) -> None:
        """Let an exchange in another thread fail now."""
        if self.sock:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.usable = False
        if self.sock:
            self.sock.close()


def is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12
