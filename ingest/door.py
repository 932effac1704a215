"""The hot door: `POST /api/v1/ingest` as a plain ASGI callable in front of Django.

A Django view under ASGI costs 2-3 ms a request, this a fraction; the DRF twin calls the same service.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
from channels.db import database_sync_to_async
from django.db import Error as DatabaseFault

from accounts.services import strangers
from core import guard
from core.errors import Busy, Failure, Unauthorized
from ingest import services
from ingest.limits import SMALL, Share, bodies
from ingest.unpack import MOST_RECEIVED, TooLarge
from ingest.writer import running, writer
from servers.auth import UNKNOWN, Agent, keyring

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MANY = 10_000
PATIENCE = 20.0
LOOK_EVERY = 0.2
_encode = msgspec.json.Encoder().encode


class Gone(Exception):
    """The sender hung up; there is nobody to answer."""


async def door(scope: Scope, receive: Receive, send: Send) -> None:
    """Take one post and answer after the commit."""
    try:
        status, answer, retry = 200, await _take(scope, receive), 0
    except Failure as failure:
        status, answer, retry = failure.status, failure.body(), failure.retry
    except Gone:
        return
    await _reply(send, status, answer, retry)


async def _take(scope: Scope, receive: Receive) -> dict[str, Any]:
    headers = dict(scope["headers"])
    agent = await agent_of(scope, headers)
    guard.trust(scope)
    encoding = headers.get(b"content-encoding", b"").decode("latin-1").strip().lower()
    with bodies.share(agent.server) as share:
        batch = await _check(agent, await _read(receive, share), encoding, share)
    if batch.has_extras:
        await in_database(services.keep_extras, batch)
    await _store(batch)
    return batch.answer()


async def _check(agent: Agent, body: bytes, encoding: str, share: Share) -> services.Batch:
    # Large or packed bodies take milliseconds to unpack and to judge: not on the loop.
    if len(body) > SMALL or encoding:
        batch = await asyncio.to_thread(services.receive, agent, body, encoding, share)
    else:
        batch = services.receive(agent, body, encoding, share)
    if batch.unsettled:
        await in_database(services.settle, batch)
    if batch.cells > MANY:
        await asyncio.to_thread(services.judge, batch)
    else:
        services.judge(batch)
    return batch


async def agent_of(scope: Scope, headers: dict[bytes, bytes]) -> Agent:
    """Who asks; an address that sent many wrong keys waits, unless this one is right."""
    try:
        return await _agent(headers, scope)
    except Unauthorized:
        address = _address(scope)
        if strangers.add("agent_key", address) and (
            limited := await in_database(strangers.write, "agent_key", address)
        ):
            raise limited.failure() from None
        raise


def _address(scope: Scope) -> str:
    return (scope.get("client") or ("",))[0]


async def _agent(headers: dict[bytes, bytes], scope: Scope) -> Agent:
    kind, _, clear = headers.get(b"authorization", b"").decode("latin-1").strip().partition(" ")
    clear = clear.strip() if kind.lower() == "bearer" else ""
    agent = keyring.find(clear)
    if agent is None and (limited := strangers.waiting("agent_key", _address(scope))):
        raise limited.failure()
    if agent is None and keyring.maybe_new(clear):
        await look()
        agent = keyring.find(clear)
        if agent is None:
            keyring.miss(clear)
    if agent is None:
        raise Unauthorized(UNKNOWN)
    return agent


class _Look:
    """Those who come with a key that is not in memory share one look into the table, at most five a second."""

    def __init__(self) -> None:
        self.next: asyncio.Task[None] | None = None
        self.began = float("-inf")

    async def __call__(self) -> None:
        loop = asyncio.get_running_loop()
        if self.next is None or self.next.get_loop() is not loop:
            self.next = loop.create_task(self._look())
            self.next.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(self.next)

    async def _look(self) -> None:
        await asyncio.sleep(max(0.0, self.began + LOOK_EVERY - time.monotonic()))
        # Who comes from here on may have a key that this look does not see.
        self.next, self.began = None, time.monotonic()
        await in_database(keyring.refresh)


look = _Look()


async def in_database(call: Callable[..., Any], *args: Any) -> Any:
    """A rare call that needs the database, off the loop; its outage is ours to admit, never the agent's fault."""
    try:
        return await database_sync_to_async(call)(*args)
    except DatabaseFault as error:
        raise Busy("The database does not answer now; send it again in a moment.", retry=5) from error


async def _read(receive: Receive, share: Share) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        piece = message.get("body", b"")
        size += len(piece)
        if size > MOST_RECEIVED:
            raise TooLarge(f"More than {MOST_RECEIVED >> 20} MiB in one post. Send smaller batches.")
        share.grow(size)
        pieces.append(piece)
        if not message.get("more_body"):
            return b"".join(pieces)


async def _store(batch: services.Batch) -> None:
    # A new writer first mends what memory holds, from the database: not on the loop.
    held = running() or await in_database(writer)
    loop = asyncio.get_running_loop()
    for entry in batch.entries:
        entry.loop, entry.answer = loop, loop.create_future()
        held.put(entry)
    try:
        async with asyncio.timeout(PATIENCE):
            if len(batch.entries) == 1:
                await batch.entries[0].answer
            else:
                await asyncio.gather(*(entry.answer for entry in batch.entries))
    except TimeoutError as error:
        raise Busy("The store does not answer now; send it again in a moment.", retry=5) from error


async def _reply(send: Send, status: int, answer: Any, retry: int) -> None:
    body = _encode(answer)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if retry:
        headers.append((b"retry-after", str(retry).encode()))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
