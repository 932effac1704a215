"""The guard answers for every application behind it, also for one that never reads."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from core.guard import CONNECTION, Guard, connection_of, refusals, trust
from core.jsonlog import request_id


class Client:
    """A client at the other end of the guard: what it sends, and what it got."""

    def __init__(self, *messages: dict[str, Any], then: str = "waits") -> None:
        self.messages = list(messages)
        self.then = then
        self.got: list[dict[str, Any]] = []
        self.answered = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if self.messages:
            return self.messages.pop(0)
        if self.then == "waits":
            await self.answered.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.got.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.answered.set()

    @property
    def status(self) -> int:
        return int(self.got[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.got[0]["headers"])


class Wire:
    """A connection as the server's protocol would describe it."""

    def __init__(self, patience: float | None = None) -> None:
        self.trusted = False
        self.patience = patience

    def trust(self) -> None:
        self.trusted = True


def scope(*headers: tuple[bytes, bytes], path: str = "/x", wire: Wire | None = None) -> dict[str, Any]:
    return {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "headers": list(headers),
            "query_string": b"", "state": {CONNECTION: wire}}  # fmt: skip


def part(size: int, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": b"x" * size, "more_body": more}


async def reader(scope: Any, receive: Any, send: Any) -> None:
    """Reads everything and says how much it was; on a disconnect it goes without an answer."""
    size = 0
    while (message := await receive())["type"] == "http.request":
        size += len(message["body"])
        if not message["more_body"]:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": str(size).encode()})
            return


async def stubborn(scope: Any, receive: Any, send: Any) -> None:
    """Answers although the client was refused."""
    while (await receive())["type"] == "http.request":
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"late"})


async def deaf(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(0.4)


CHUNKED = (b"transfer-encoding", b"chunked")


def length(size: int) -> tuple[bytes, bytes]:
    return (b"content-length", str(size).encode())


async def through(app: Any, asked: dict[str, Any], client: Client, *, seconds: float = 0.1) -> Client:
    guard = Guard(app, max_body=100, body_deadline=seconds, max_path=50)
    await asyncio.wait_for(guard(asked, client.receive, client.send), 3)
    await asyncio.sleep(0)
    return client


@pytest.mark.parametrize("app", [reader, stubborn])
async def test_a_counted_body_above_the_limit_is_413_once(app: Any) -> None:
    client = await through(app, scope(CHUNKED), Client(part(60), part(60), part(60)))
    assert client.status == 413
    assert client.headers[b"connection"] == b"close"
    assert len(client.got) == 2
    assert json.loads(client.got[1]["body"])["error"] == "too_large"


async def test_an_announced_body_above_the_limit_never_reaches_the_application() -> None:
    async def never(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError

    assert (await through(never, scope(length(101), (b"expect", b"100-continue")), Client())).status == 413


async def test_a_body_at_the_limit_passes() -> None:
    client = await through(reader, scope(length(100)), Client(part(60), part(40, more=False)))
    assert (client.status, client.got[1]["body"]) == (200, b"100")


@pytest.mark.parametrize("app", [reader, stubborn, deaf])
@pytest.mark.parametrize("header", [CHUNKED, length(50)])
async def test_a_body_that_does_not_come_is_408_whatever_the_application_does(app: Any, header: Any) -> None:
    client = await through(app, scope(header), Client(part(1)))
    assert (client.status, len(client.got)) == (408, 2)
    assert client.headers[b"connection"] == b"close"


async def test_without_a_body_an_answer_may_take_its_time() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.3)
        await reader(scope, receive, send)

    assert (await through(slow, scope(), Client(part(0, more=False)))).status == 200
    assert (await through(slow, scope(length(5)), Client(part(5, more=False)))).status == 200  # all of it was there
    assert (await through(slow, scope(length(9)), Client(part(5)))).status == 408


async def test_a_lent_connection_gets_less_time_until_it_is_trusted() -> None:
    async def door(scope: Any, receive: Any, send: Any) -> None:
        trust(scope)
        await reader(scope, receive, send)

    async def slowly() -> dict[str, Any]:
        await asyncio.sleep(0.25)
        return part(5, more=False)

    for app, expected in ((reader, 408), (door, 200)):
        client = Client()
        client.receive = slowly  # type: ignore[method-assign]
        wire = Wire(patience=0.1)
        await through(app, scope(length(5), wire=wire), client, seconds=0.6)
        assert client.status == expected
        assert (client.headers.get(b"connection") == b"close") is (expected == 408)


@pytest.mark.parametrize("announced", [True, False])
async def test_a_large_body_on_a_lent_connection_may_come_again_later(announced: bool) -> None:
    """Its key was not read: a 413 would have an honest agent drop its rows for good."""
    size = (1 << 20) + 1
    given = scope(length(size) if announced else CHUNKED, wire=Wire(patience=1))
    client = Client(part(size, more=False))
    guard = Guard(reader, body_deadline=0.2)
    await asyncio.wait_for(guard(given, client.receive, client.send), 5)
    assert client.status == 503
    assert client.headers[b"retry-after"] == b"1"


async def test_an_unproven_connection_over_the_cap_is_closed_after_its_answer() -> None:
    client = await through(reader, scope(wire=Wire(patience=1)), Client(part(0, more=False)))
    assert client.headers[b"connection"] == b"close"
    client = await through(reader, scope(wire=Wire()), Client(part(0, more=False)))
    assert b"connection" not in client.headers


async def test_a_body_still_held_back_by_expect_closes_the_connection() -> None:
    async def refuser(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body"})

    client = await through(refuser, scope(length(5), (b"expect", b"100-continue")), Client())
    assert (client.status, client.headers[b"connection"]) == (401, b"close")


async def test_an_overlong_address_is_414() -> None:
    before = refusals["path"]
    assert (await through(reader, scope(path="/" + "x" * 60), Client())).status == 414
    assert refusals["path"] == before + 1


async def test_the_requests_id_is_in_the_logs_reach_and_not_beyond() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend([request_id.get(), scope["state"]["request_id"]])
        await reader(scope, receive, send)

    client = await through(app, scope((b"x-request-id", b"from-the-proxy")), Client(part(0, more=False)))
    assert seen == ["from-the-proxy"] * 2
    assert client.headers[b"x-request-id"] == b"from-the-proxy"
    assert request_id.get() == ""


async def test_lifespan_and_sockets_pass() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    for kind in ("lifespan", "websocket"):
        await Guard(app)({"type": kind, "headers": []}, Client().receive, Client().send)
    assert seen == ["lifespan", "websocket"]


def test_trust_is_said_by_scope_or_meta_and_harmless_without_a_connection() -> None:
    wire = Wire()
    trust({"type": "http"})
    trust({"REMOTE_ADDR": "127.0.0.1", CONNECTION: None})
    assert connection_of({"state": {}}) is None
    trust({CONNECTION: wire, "REMOTE_ADDR": "127.0.0.1"})
    assert wire.trusted
