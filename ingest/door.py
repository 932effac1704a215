"""The hot door: `POST /api/v1/ingest` as a plain ASGI callable in front of Django.

A Django view under ASGI costs 2-3 ms a request, this a fraction; the DRF twin calls the same service.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
from channels.db import database_sync_to_async
from django.db import DatabaseError

from core import guard
from core.errors import Busy, Failure, Unauthorized
from ingest import services
from ingest.unpack import MOST_RECEIVED, TooLarge, unpack
from ingest.writer import writer
from servers.auth import UNKNOWN, Agent, keyring

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

SMALL = 64 << 10
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
    agent = await _agent(headers)
    guard.trust(scope)
    body = await _read(receive)
    encoding = headers.get(b"content-encoding", b"").decode("latin-1").strip().lower()
    # Large or packed bodies take milliseconds to unpack: not on the loop.
    if len(body) > SMALL or encoding:
        post, refused = await asyncio.to_thread(lambda: services.decode(unpack(body, encoding)))
    else:
        post, refused = services.decode(body)
    if services.needs_learning(post):
        batch: services.Batch = await in_database(services.prepare, agent, post, refused)
    else:
        batch = services.prepare(agent, post, refused)
    if batch.has_extras:
        await in_database(services.keep_extras, agent, post)
    await _store(batch)
    return batch.answer()


async def _agent(headers: dict[bytes, bytes]) -> Agent:
    kind, _, clear = headers.get(b"authorization", b"").decode("latin-1").strip().partition(" ")
    clear = clear.strip() if kind.lower() == "bearer" else ""
    agent = keyring.find(clear)
    if agent is None and keyring.maybe_new(clear):
        await in_database(keyring.refresh)
        agent = keyring.find(clear)
    if agent is None:
        raise Unauthorized(UNKNOWN)
    return agent


async def in_database(call: Callable[..., Any], *args: Any) -> Any:
    """A rare call that needs the database, off the loop; its outage is ours to admit, never the agent's fault."""
    try:
        return await database_sync_to_async(call)(*args)
    except DatabaseError as error:
        raise Busy("The database does not answer now; send it again in a moment.", retry=5) from error


async def _read(receive: Receive) -> bytes:
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
        pieces.append(piece)
        if not message.get("more_body"):
            return b"".join(pieces)


async def _store(batch: services.Batch) -> None:
    loop = asyncio.get_running_loop()
    for entry in batch.entries:
        entry.loop, entry.answer = loop, loop.create_future()
        writer().put(entry)
    for entry in batch.entries:
        await entry.answer


async def _reply(send: Send, status: int, answer: Any, retry: int) -> None:
    body = _encode(answer)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if retry:
        headers.append((b"retry-after", str(retry).encode()))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
