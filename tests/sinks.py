"""Real receivers on loopback for what the product sends: webhooks and mail."""

from __future__ import annotations

import json
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.time)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """An answer with a body and headers of its own."""

    status: int = 200
    body: bytes | str | dict[str, Any] = "ok"
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        text = json.dumps(self.body) if isinstance(self.body, dict) else self.body
        return text.encode() if isinstance(text, str) else text


Answer = int | Reply


class _Sink:
    """A server in a thread; `wait` looks until something is true or the time is up."""

    server: socketserver.TCPServer

    def _serve(self) -> None:
        self.port: int = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class WebhookSink(_Sink):
    """Records every request. `answer` is a status or a reply, or decides by request; `delay` comes before it."""

    def __init__(
        self, answer: Answer | Callable[[Received], Answer] = 200, *, delay: float = 0.0, port: int = 0
    ) -> None:
        self.answer, self.delay = answer, delay
        self.requests: list[Received] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                received = Received(self.command, self.path, dict(self.headers.items()), body)
                sink.requests.append(received)
                time.sleep(sink.delay)
                answer = sink.answer(received) if callable(sink.answer) else sink.answer
                reply = answer if isinstance(answer, Reply) else Reply(answer)
                if reply.status <= 0:  # taken, and gone before it said so; below zero with a reset
                    if reply.status < 0:
                        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        self.connection.close()
                    self.close_connection = True
                    return
                try:
                    self.send_response(reply.status)
                    for name, value in {**reply.headers, "Content-Length": str(len(reply.content))}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(reply.content)
                except OSError:
                    self.close_connection = True  # the sender gave up or was killed: part of the test

            do_GET = do_POST  # noqa: N815 - the name that the standard library calls

            def log_message(self, *args: object) -> None:
                """Nothing: the test looks at `requests`."""

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self._serve()
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def wait(self, count: int = 1, seconds: float = 15) -> list[Received]:
        return wait_for(self.requests, count, seconds)


class MailSink(_Sink):
    """A small SMTP server that keeps what it was given."""

    def __init__(self, *, refuse: bool = False) -> None:
        self.refuse = refuse
        self.messages: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        sink = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                sink.talk(self)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self._serve()
        self.url = f"smtp://127.0.0.1:{self.port}"

    def talk(self, line: socketserver.StreamRequestHandler) -> None:
        """One sender's conversation, in as few words as SMTP allows."""
        to: list[str] = []
        line.wfile.write(b"220 sink\r\n")
        while words := line.rfile.readline(4096):
            verb = words[:4].upper()
            if verb == b"RCPT":
                to.append(words.decode().split(":", 1)[1].strip().strip("<>"))
            if verb == b"DATA":
                self._data(line, to)
                to = []
                continue
            line.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            if verb == b"QUIT":
                return

    def _data(self, line: socketserver.StreamRequestHandler, to: list[str]) -> None:
        line.wfile.write(b"354 go on\r\n")
        text = bytearray()
        while (part := line.rfile.readline()) not in {b".\r\n", b""}:
            text += part.removeprefix(b".")
        if self.refuse:
            line.wfile.write(b"451 not now\r\n")
            return
        self.recipients.append(to)
        self.messages.append(message_from_bytes(bytes(text), policy=policy.default))
        line.wfile.write(b"250 taken\r\n")

    def wait(self, count: int = 1, seconds: float = 15) -> list[EmailMessage]:
        return wait_for(self.messages, count, seconds)


def wait_for(things: list[T], count: int, seconds: float) -> list[T]:
    """Wait until there are so many; the assertion says how many there are."""
    until = time.monotonic() + seconds
    while len(things) < count and time.monotonic() < until:
        time.sleep(0.02)
    assert len(things) >= count, f"{len(things)} of {count} came within {seconds} s"
    return things
