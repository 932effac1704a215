"""Django's synchronous side through the bridge, as real sockets see it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core.bridge import WsgiBridge
from tests.faults.served import Served, read, serve_tiny
from tests.product import room

BIG = 5 << 20


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve_tiny() as server:
        yield server


def until(served: Served, key: str, word: str) -> bool:
    """Whether the application says so within five seconds."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        if word in served.ask("/told").json()[key]:
            return True
        time.sleep(0.05)
    return False


def test_a_page_is_answered_with_its_length_and_the_requests_id(served: Served) -> None:
    reply = served.ask("/echo?a=%20b", headers="X-Request-Id: given-by-proxy-1\r\n")
    said = reply.json()
    assert reply.status == 200
    assert int(reply.headers["content-length"]) == len(reply.body)
    assert (said["method"], said["query"], said["address"], said["secure"]) == ("GET", "a=%20b", "127.0.0.1", False)
    assert said["request"] == reply.headers["x-request-id"] == "given-by-proxy-1"
    assert said["announced"] is None


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "a b c d e f g h", 'quo"te-quote', "ünsane-id"])
def test_an_odd_request_id_is_replaced(served: Served, given: str) -> None:
    reply = served.ask("/echo", headers=f"X-Request-Id: {given}\r\n")
    assert reply.headers["x-request-id"] == reply.json()["request"] != given
    assert len(reply.headers["x-request-id"]) == 16


def test_bodies_arrive_whole_with_and_without_an_announced_length(served: Served) -> None:
    body = os.urandom(1 << 20)
    said = served.ask("/echo", "POST", body).json()
    assert (said["length"], said["announced"]) == (len(body), str(len(body)))
    head = b"POST /echo HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
    said = served.raw(head + b"5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nTrailer: x\r\n\r\n").json()
    assert (said["length"], said["announced"], said["encoding"]) == (11, "11", None)
    assert served.ask("/echo", "POST").json()["length"] == 0


def test_header_names_with_an_underscore_forge_nothing(served: Served) -> None:
    headers = "X_Forwarded_For: 6.6.6.6\r\nContent_Length: 7\r\nX_Forwarded_Proto: https\r\n"
    said = served.ask("/echo", "POST", b"abc", headers).json()
    assert (said["forwarded"], said["announced"], said["secure"]) == (None, "3", False)


def test_forwarded_headers_of_strangers_count_for_nothing(served: Served) -> None:
    said = served.ask("/echo", headers="X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n").json()
    assert (said["address"], said["secure"]) == ("127.0.0.1", False)


def test_two_cookie_headers_are_one_jar(served: Served) -> None:
    assert served.ask("/echo", headers="Cookie: a=1\r\nCookie: b=2\r\n").json()["cookies"] == {"a": "1", "b": "2"}


def test_paths_keep_their_bytes(served: Served) -> None:
    assert served.ask("/caf%C3%A9").json()["path"] == "/café"
    assert served.ask("/ec%68o").json()["path"] == "/echo"
    assert served.ask("/caf%E9").status == 404


@pytest.mark.parametrize("path", ["/echo", "/stream", "/file", "/healthz"])
def test_head_has_the_headers_and_no_body(served: Served, path: str) -> None:
    with served.connect() as connection:
        connection.sendall(f"HEAD {path} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode())
        reply = read(connection, head_only=True)
        assert (reply.status, reply.body) == (200, b"")
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert read(connection).body == b"ok"  # the connection is not out of step


@pytest.mark.parametrize(("path", "status"), [("/nothing", 204), ("/unchanged", 304)])
def test_answers_without_a_body_have_none(served: Served, path: str, status: int) -> None:
    with served.connect() as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode())
        reply = read(connection)
        assert reply.status == status
        assert "content-length" not in reply.headers
        assert "transfer-encoding" not in reply.headers
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert read(connection).body == b"ok"


def test_files_and_streams_arrive_whole_and_are_closed(served: Served) -> None:
    assert served.ask("/file").body == b"f" * BIG
    stream = served.ask("/stream").body
    assert stream.count(b"s" * 65536) == BIG >> 16
    assert until(served, "closed", "file")
    assert until(served, "closed", "stream")


def test_a_fault_before_the_headers_is_a_json_500(served: Served) -> None:
    reply = served.ask("/broken")
    assert (reply.status, reply.json()["error"]) == (500, "internal")


def test_a_fault_after_the_headers_cuts_the_connection(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"GET /broken-stream HTTP/1.1\r\nHost: a.test\r\n\r\n")
        got = b""
        while piece := connection.recv(65536):
            got += piece
    assert b"begun" in got
    assert not got.endswith(b"0\r\n\r\n")


def test_a_view_does_not_run_when_the_client_leaves_in_mid_upload(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(
            b"POST /caf%C3%A9?left HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 9000
        )
    before = served.ask("/told").json()["seen"]
    time.sleep(0.3)
    assert served.ask("/told").json()["seen"] == before


def test_an_endless_stream_ends_when_its_reader_leaves(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: a.test\r\n\r\n")
        connection.recv(4096)
    assert until(served, "closed", "endless")


def test_slow_readers_of_streams_and_files_leave_threads_for_pages(served: Served) -> None:
    slow: list[socket.socket] = []
    try:
        for path in ["/stream"] * 8 + ["/file"] * 16:
            connection = served.connect()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode())
            slow.append(connection)
        time.sleep(0.5)
        start = time.monotonic()
        for _ in range(5):
            assert served.ask("/echo").status == 200
        assert time.monotonic() - start < 2 * room()
        heads = [connection.recv(12) for connection in slow[:8]]
        assert heads.count(b"HTTP/1.1 503") == 6  # half of four threads stream, the rest come again later
    finally:
        for connection in slow:
            connection.close()


def test_slow_bodies_hold_neither_threads_nor_backlog(served: Served) -> None:
    slow = [served.connect() for _ in range(200)]
    try:
        for connection in slow:
            connection.sendall(b"POST /echo HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\n ")
        assert served.ask("/echo").status == 200
    finally:
        for connection in slow:
            connection.close()


def test_a_language_does_not_leak_into_the_next_request(served: Served) -> None:
    with served.connect() as connection:
        for _ in range(6):
            # Pipelined: the second starts while the first is being answered.
            connection.sendall(b"GET /turn HTTP/1.1\r\nHost: a\r\n\r\nGET /echo HTTP/1.1\r\nHost: a\r\n\r\n")
            both = b""
            while both.count(b"HTTP/1.1 200") < 2 or not both.endswith(b"}"):
                both += connection.recv(65536)
            assert b'"language": "en-us"' in both


def test_too_many_waiting_requests_get_503_and_the_rest_200() -> None:
    async def run() -> list[int]:
        bridge = WsgiBridge(slow_app, workers=2, backlog=6, max_body=100, body_budget=1000)
        try:
            return await asyncio.gather(*(status(bridge) for _ in range(20)))
        finally:
            bridge.close()

    found = asyncio.run(run())
    assert (found.count(200), found.count(503)) == (6, 14)


def slow_app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    time.sleep(0.05)
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


def scope(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "path": "/x",
        "query_string": b"",
        "headers": list(headers),
        "client": None,
    }


async def exchange(bridge: WsgiBridge, *messages: dict[str, Any], headers: Any = ()) -> list[Any]:
    left, sent = list(messages), list[Any]()

    async def receive() -> Any:
        return left.pop(0) if left else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await bridge(scope(*headers), receive, send)
    return sent


async def status(bridge: WsgiBridge) -> int:
    return int((await exchange(bridge, {"type": "http.request", "body": b""}))[0]["status"])


@pytest.fixture
def bridge() -> Iterator[WsgiBridge]:
    made = WsgiBridge(slow_app, workers=2, backlog=4, max_body=100, body_budget=150, body_timeout=0.2)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("length", "body", "expected"),
    [
        (b"3", b"abc", 200), (b"2", b"abc", 400), (b"4", b"abc", 400), (b"x", b"", 400), (b"-1", b"", 400),
        (b"1e3", b"", 400), (b"", b"", 400), (b"9" * 30, b"", 400), (b"101", b"", 413),
    ],
)  # fmt: skip
async def test_the_announced_length_must_be_true(
    bridge: WsgiBridge, length: bytes, body: bytes, expected: int
) -> None:
    sent = await exchange(bridge, {"type": "http.request", "body": body}, headers=[(b"content-length", length)])
    assert sent[0]["status"] == expected
    if expected != 200:
        assert set(json.loads(sent[1]["body"])) == {"error", "detail"}


async def test_two_different_lengths_are_refused(bridge: WsgiBridge) -> None:
    headers = [(b"content-length", b"3"), (b"content-length", b"4")]
    assert (await exchange(bridge, {"type": "http.request", "body": b"abc"}, headers=headers))[0]["status"] == 400


async def test_limits_of_one_body_and_of_all_together(bridge: WsgiBridge) -> None:
    def pieces(*sizes: int) -> list[dict[str, Any]]:
        return [{"type": "http.request", "body": b"x" * size, "more_body": True} for size in sizes]

    assert (await exchange(bridge, *pieces(60, 60)))[0]["status"] == 413
    hanging = asyncio.create_task(exchange_forever(bridge, 90))
    await asyncio.sleep(0.05)
    busy = await exchange(bridge, *pieces(80))
    assert busy[0]["status"] == 503
    assert (b"retry-after", b"1") in busy[0]["headers"]
    assert (await hanging)[0]["status"] == 408
    assert bridge.budget == 150
    assert bridge.inflight == 0


async def exchange_forever(bridge: WsgiBridge, size: int) -> list[Any]:
    sent: list[Any] = []
    first = [{"type": "http.request", "body": b"x" * size, "more_body": True}]

    async def receive() -> Any:
        if not first:
            await asyncio.Event().wait()
        return first.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    await bridge(scope(), receive, send)
    return sent


def test_a_forked_child_gets_threads_of_its_own(bridge: WsgiBridge) -> None:
    assert asyncio.run(status(bridge)) == 200
    with ThreadPoolExecutor(1) as one:
        before = bridge.pool
        bridge._renew()  # what the hook calls in the child
        assert bridge.pool is not before
        before.shutdown()
        assert one.submit(lambda: asyncio.run(status(bridge))).result(10) == 200


def test_a_stopped_server_answers_what_runs_and_leaves_with_0() -> None:
    with serve_tiny() as server:
        answers: list[int] = []
        thread = threading.Thread(target=lambda: answers.append(server.ask("/slow?s=1").status))
        thread.start()
        time.sleep(0.4)
        code, took = server.stop()
        thread.join(5)
    assert (answers, code) == ([200], 0)
    assert took < 3


def test_a_hanging_view_does_not_hold_up_the_end() -> None:
    with serve_tiny() as server, server.connect() as connection:
        connection.sendall(b"GET /slow?s=30 HTTP/1.1\r\nHost: a.test\r\n\r\n")
        time.sleep(0.4)
        code, took = server.stop()
    assert code == 0
    assert took < 5
