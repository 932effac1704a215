"""The door of heartbeats: `/ping/<uuid>[/start|/fail|/log|/<exit code>]`, in front of Django.

It answers when the signal is kept.
Signals that come together are kept in one transaction, by one thread.
"""

from __future__ import annotations

import asyncio
import queue
import re
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import Future
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.db import close_old_connections, connections

from accounts.services import strangers
from checks.beating import Heard, take
from checks.models import Check
from core.clock import now
from core.errors import Busy, Failure

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PATH = re.compile(r"/ping/([0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12})(?:/(start|fail|log|[0-9]{1,3}))?/?")
MOST_KEPT = 10_000
MOST_READ = 100_000
MOST_WAITING = 10_000
GROUP = 500
PATIENCE = 20.0
AT_ONCE, EACH = 20, 1.0
"""So many signals of one heartbeat at once, and one more each second."""
FRESH = 5.0
KIND = "ping"


class Keeper(threading.Thread):
    """Takes all that waits and keeps it as one group."""

    def __init__(self) -> None:
        super().__init__(name="pings", daemon=True)
        self.waiting: queue.SimpleQueue[tuple[Heard, Future[None]] | None] = queue.SimpleQueue()

    def put(self, heard: Heard) -> Future[None]:
        if self.waiting.qsize() >= MOST_WAITING:
            raise Busy("More signals come than can be kept; send it again in a moment.", retry=5)
        kept: Future[None] = Future()
        self.waiting.put((heard, kept))
        return kept

    def run(self) -> None:
        while (first := self.waiting.get()) is not None:
            group = [first]
            while len(group) < GROUP and not self.waiting.empty():
                if (one := self.waiting.get()) is None:
                    self.waiting.put(None)
                    break
                group.append(one)
            self._keep(group)
        connections.close_all()

    def _keep(self, group: list[tuple[Heard, Future[None]]]) -> None:
        try:
            take([heard for heard, _ in group])
        except Exception:  # noqa: BLE001 - whatever it was: each of them is told, and comes again
            close_old_connections()
            fault = Busy("The database does not take signals now; send it again in a moment.", retry=5)
            for _, kept in group:
                kept.set_exception(fault)
        else:
            for _, kept in group:
                kept.set_result(None)


class _Keeping:
    """This process's keeper, begun by the first signal; and what it knows of who may signal."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.keeper: Keeper | None = None
        self.known: dict[UUID, tuple[int | None, float]] = {}
        self.due: dict[int, float] = {}

    def begun(self) -> Keeper:
        with self.lock:
            if self.keeper is None or not self.keeper.is_alive():
                self.keeper = Keeper()
                self.keeper.start()
            return self.keeper

    def stop(self, seconds: float = 2.0) -> None:
        with self.lock:
            held, self.keeper = self.keeper, None
            self.known.clear()
            self.due.clear()
        if held is not None:
            held.waiting.put(None)
            held.join(seconds)

    def in_memory(self, key: UUID) -> tuple[bool, int | None]:
        pk, until = self.known.get(key, (None, 0.0))
        return until > time.monotonic(), pk

    def look(self, key: UUID) -> int | None:
        rows = Check.objects.filter(ping_key=key, kind="heartbeat")
        pk: int | None = rows.values_list("pk", flat=True).first()
        if len(self.known) > MOST_WAITING:
            self.known.clear()
        self.known[key] = (pk, time.monotonic() + FRESH)
        return pk

    def pace(self, pk: int) -> float:
        """Seconds that this heartbeat must wait; 0 lets it in."""
        at = time.monotonic()
        due = max(self.due.get(pk, at), at)
        if due - at > AT_ONCE * EACH:
            return due - at - AT_ONCE * EACH
        if len(self.due) > MOST_WAITING:
            self.due.clear()
        self.due[pk] = due + EACH
        return 0.0


keeping = _Keeping()


async def door(scope: Scope, receive: Receive, send: Send) -> None:
    """Take one signal and answer after the commit."""
    try:
        status, text, retry = 200, await _take(scope, receive), 0
    except Failure as failure:
        status, text, retry = failure.status, failure.detail, failure.retry
    except ConnectionAbortedError:
        return
    await _reply(send, status, text, (retry, scope["method"]))


async def _take(scope: Scope, receive: Receive) -> str:
    found = PATH.fullmatch(scope["path"])
    if scope["method"] not in {"GET", "HEAD", "POST"}:
        raise Failure("A signal is sent by GET, HEAD or POST.", code="method_not_allowed", status=405)
    if found is None:
        raise Failure("No heartbeat has this address.", code="not_found", status=404)
    address = (scope.get("client") or ("",))[0]
    pk = await _check(UUID(found[1]), address)
    if wait := keeping.pace(pk):
        raise Failure("This heartbeat signals too often. Once a second is enough.", status=429, retry=int(wait) + 1)
    body = await _heard(receive) if scope["method"] == "POST" else ""
    word = found[2] or ""
    code = int(word) if word.isdecimal() else None
    if code is not None and code > 255:
        raise Failure("An exit code is a number from 0 to 255.", status=400)
    kind = "exit" if code is not None else word or "success"
    kept = keeping.begun().put(Heard(pk, kind, code, now(), body, address[:64]))
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.shield(asyncio.wrap_future(kept))
    except TimeoutError as error:
        raise Busy("The database does not answer now; send it again in a moment.", retry=5) from error
    return "OK"


async def _check(key: UUID, address: str) -> int:
    """Whose signal this is; an address that tries many unknown ones waits."""
    fresh, pk = keeping.in_memory(key)
    if not fresh:
        if limited := strangers.waiting(KIND, address):
            raise limited.failure()
        pk = await database_sync_to_async(keeping.look)(key)
    if pk is None:
        if strangers.add(KIND, address):
            await database_sync_to_async(strangers.write)(KIND, address)
        raise Failure("No heartbeat has this address.", code="not_found", status=404)
    return pk


async def _heard(receive: Receive) -> str:
    """What is posted, in its time: whoever lets it drip holds no door open."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await _read(receive)
    except TimeoutError as error:
        raise Failure("The text of the signal did not come to its end.", code="too_slow", status=408) from error


async def _read(receive: Receive) -> str:
    """The first 10 kB of what it says; more than ten times that is cut off at once."""
    kept: bytes = b""
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionAbortedError
        piece = message.get("body", b"")
        size += len(piece)
        kept = (kept + piece)[:MOST_KEPT]
        if size > MOST_READ:
            raise Failure("At most 10 kB of a signal's text are kept; this is far more.", status=413)
        if not message.get("more_body"):
            text: str = kept.decode("utf-8", "replace")
            return text.replace("\0", "")


async def _reply(send: Send, status: int, text: str, how: tuple[int, str]) -> None:
    retry, method = how
    body = text.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    headers += [(b"cache-control", b"no-store"), (b"x-robots-tag", b"noindex")]
    if retry:
        headers.append((b"retry-after", str(retry).encode()))
    if status == 405:
        headers.append((b"allow", b"GET, HEAD, POST"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})
