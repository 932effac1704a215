"""Our TLS socket: who speaks plain HTTP to it is told so, and everybody else is served or dropped as before."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop

from core import tls
from monitor import https


class Echo(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tls.Certificate:
    return tls.ensure(tmp_path_factory.mktemp("tls"), ["localhost"])


@pytest.fixture
def port(made: tls.Certificate) -> Iterator[int]:
    """Where our loop listens with our context and, as in the product, a deadline for handshakes."""
    loop, there = uvloop.new_event_loop(), list[int]()
    ready = threading.Event()

    async def listen() -> None:
        context = https.context(made.cert, made.key)
        server: Any = await loop.create_server(Echo, "127.0.0.1", 0, ssl=context, ssl_handshake_timeout=2)
        there.append(server.sockets[0].getsockname()[1])
        ready.set()
        await server.serve_forever()

    def run() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(task)

    task = loop.create_task(listen())
    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(5)
    yield there[0]
    loop.call_soon_threadsafe(task.cancel)
    thread.join(5)
    loop.close()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_plain_http_is_told_to_write_https(port: int, method: str) -> None:
    plain = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    plain.request(method, "/")
    reply = plain.getresponse()
    assert (reply.status, reply.headers["connection"]) == (400, "close")
    body = reply.read()
    assert method == "HEAD" or "https://" in json.loads(body)["detail"]


def test_it_is_told_once_whatever_is_sent_after_it(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"POST /api/v1/ingest HTTP/1.1\r\nHost: localhost\r\n")
        answer = b""
        while len(answer) < len(https.ANSWER):
            answer += connection.recv(65_536)
        for _ in range(2):
            connection.sendall(b"x" * 100_000)
        connection.settimeout(0.2)
        with suppress(TimeoutError):
            answer += connection.recv(65_536)
        assert answer == https.ANSWER


def test_what_is_neither_gets_no_word_of_http(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        with suppress(ConnectionError):
            assert b"HTTP" not in connection.recv(65_536)


def test_whoever_speaks_tls_is_served(port: int, made: tls.Certificate) -> None:
    trusting = ssl.create_default_context(cafile=str(made.ca))
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        trusting.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        secured.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert secured.recv(100) == b"GET / HTTP/1.1\r\n\r\n"


def test_a_key_that_is_not_of_the_certificate_stops_the_start(made: tls.Certificate, tmp_path: Path) -> None:
    other = tls.ensure(tmp_path, ["localhost"])
    with pytest.raises(ssl.SSLError):
        https.context(made.cert, other.key)
