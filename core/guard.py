"""The outermost ASGI wrapper: body limits and deadlines for every route, and the request's id."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Mapping, MutableMapping
from typing import Any, Protocol

from core.jsonlog import request_id

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

CONNECTION = "watchkeeper.connection"
DISCONNECT: Message = {"type": "http.disconnect"}
CLOSE = (b"connection", b"close")
LENT_BODY = 1 << 20
"""What a connection over its address's cap may send before it has proven itself."""
LENT_BUDGET = 16 << 20
"""What all such connections together may hold in memory."""

_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")

refusals: Counter[str] = Counter()
"""How often each kind of refusal was given since the start, for /metrics."""


class Connection(Protocol):
    """What the server's protocol tells about the connection that carries a request."""

    trusted: bool
    patience: float | None

    def trust(self) -> None: ...


def trust(place: Mapping[str, Any]) -> None:
    """Say that this connection carried an authenticated request: it no longer counts against its address.

    Takes an ASGI scope or Django's `request.META`; may be called from any thread and more than once.
    """
    if connection := connection_of(place):
        connection.trust()


def connection_of(place: Mapping[str, Any]) -> Connection | None:
    found: Connection | None = (place.get("state") or place).get(CONNECTION)
    return found


def plain_error(error: str, detail: str) -> bytes:
    return json.dumps({"error": error, "detail": detail}).encode()


async def answer(send: Send, status: int, error: str, detail: str, *headers: tuple[bytes, bytes]) -> None:
    """Send a whole JSON error."""
    body = plain_error(error, detail)
    named = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": named})
    await send({"type": "http.response.body", "body": body, "more_body": False})


class Guard:
    """Wraps the whole application; nothing behind it sees more than `max_body` bytes of one request."""

    def __init__(
        self, app: App, *, max_body: int = 8 << 20, body_deadline: float = 30, max_path: int = 8 << 10
    ) -> None:
        self.app = app
        self.max_body = max_body
        self.body_deadline = body_deadline
        self.max_path = max_path
        self.lent = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        head = _Head(scope["headers"])
        token = request_id.set(head.request_id)
        scope.setdefault("state", {})["request_id"] = head.request_id
        try:
            if scope["type"] == "http":
                await self._http(scope, head, receive, send)
            else:
                await self.app(scope, receive, send)
        finally:
            request_id.reset(token)

    async def _http(self, scope: Scope, head: _Head, receive: Receive, send: Send) -> None:
        if len(scope.get("raw_path") or scope["path"]) + len(scope.get("query_string", b"")) > self.max_path:
            refusals["path"] += 1
            detail = f"The address is longer than {self.max_path} bytes. Send long values in the body."
            await answer(send, 414, "address_too_long", detail, CLOSE, head.echo)
            return
        exchange = _Exchange(self, head, connection_of(scope), receive, send)
        if head.length > exchange.limit():
            await exchange.refuse_size(head.length)
            return
        await exchange.run(scope)


class _Head:
    """What the guard wants to know of the headers, found in one pass."""

    __slots__ = ("chunked", "echo", "expects", "length", "request_id")

    def __init__(self, headers: Headers) -> None:
        self.length = 0
        self.chunked = self.expects = False
        given = b""
        for name, value in headers:
            if name == b"content-length":
                self.length = int(value) if value.isdigit() else 0
            elif name == b"transfer-encoding":
                self.chunked = True
            elif name == b"expect":
                self.expects = True
            elif name == b"x-request-id":
                given = value
        if not _SANE_ID.fullmatch(given):
            given = os.urandom(8).hex().encode()
        self.request_id = given.decode()
        self.echo = (b"x-request-id", given)

    @property
    def has_body(self) -> bool:
        return self.chunked or self.length > 0


class _Begun:
    """Goes on with an awaitable whose first step was already made, and which then had to wait."""

    def __init__(self, step: Any, steps: Generator[Any, Any, Message]) -> None:
        self.step, self.steps = step, steps

    def __await__(self) -> Generator[Any, Any, Message]:
        step = self.step
        while True:
            try:
                try:
                    sent = yield step
                except GeneratorExit:
                    self.steps.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - it is theirs: a cancelled wait, mostly
                    step = self.steps.throw(error)
                else:
                    step = self.steps.send(sent)
            except StopIteration as done:
                found: Message = done.value
                return found


class _Exchange:
    """One request and its answer: counts what comes in, and answers itself when it is too much or too slow."""

    def __init__(
        self, guard: Guard, head: _Head, connection: Connection | None, receive: Receive, send: Send
    ) -> None:
        self.guard = guard
        self.head = head
        self.connection = connection
        self.inner_receive = receive
        self.inner_send = send
        self.taken = self.borrowed = 0
        self.touched = self.started = self.refused = False
        self.complete = not head.has_body
        self.begun: _Begun | None = None
        self.ready: Message | None = None
        self.waiting: asyncio.Timeout | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.late: asyncio.Task[None] | None = None

    async def run(self, scope: Scope) -> None:
        if not self.complete:
            self._begin()
        try:
            await self.guard.app(scope, self.receive, self.send)
        finally:
            self.guard.lent -= self.borrowed
            if self.timer:
                self.timer.cancel()
            if self.begun:
                self.begun.steps.close()

    def _begin(self) -> None:
        """Look whether the whole body is there already, as it nearly always is: then no deadline is needed."""
        if self.head.expects:  # it comes only once the application asks for it
            self._arm(self._patience())
            return
        steps = self.inner_receive().__await__()
        try:
            self.begun = _Begun(next(steps), steps)
        except StopIteration as done:
            self.ready = done.value
        if self.ready is None or self.ready.get("more_body"):
            self._arm(self._patience())

    def limit(self) -> int:
        return min(self.guard.max_body, LENT_BODY) if self._lent() else self.guard.max_body

    def _lent(self) -> bool:
        """Whether the connection is over its address's cap and has not yet proven itself."""
        connection = self.connection
        return connection is not None and connection.patience is not None and not connection.trusted

    def _arm(self, seconds: float) -> None:
        self.timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    def _patience(self) -> float:
        """Connections over their address's cap get less time, until they prove themselves."""
        full = self.guard.body_deadline
        return min(full, self.connection.patience or full) if self.connection and self._lent() else full

    def _expire(self) -> None:
        self.timer = None
        if self.complete or self.refused:
            return
        given = self.connection.patience if self.connection and self.connection.patience else 0.0
        if given and self._patience() > given:
            self.connection = None  # proved in the meantime: the rest of the full time, once
            self._arm(self.guard.body_deadline - given)
            return
        # An own task: the application may be waiting for the body, or for something else altogether.
        self.late = asyncio.get_running_loop().create_task(self.refuse_slow())

    async def receive(self) -> Message:
        self.touched = True
        if self.refused:
            return DISCONNECT
        if self.complete:
            return await self.inner_receive()
        if self.ready is not None:
            message, self.ready = self.ready, None
            return await self._count(message)
        coming, self.begun = self.begun or self.inner_receive(), None
        try:
            async with asyncio.timeout(None) as self.waiting:
                message = await coming
        except TimeoutError:
            return DISCONNECT
        finally:
            self.waiting = None
        return await self._count(message)

    async def _count(self, message: Message) -> Message:
        if message["type"] != "http.request":
            self.complete = True
            return message
        size = len(message.get("body", b""))
        self.taken += size
        if self.taken > self.limit():
            await self.refuse_size(self.taken)
            return DISCONNECT
        if size and self._lent():
            self.borrowed += size
            self.guard.lent += size
            if self.guard.lent > LENT_BUDGET:
                await self.refuse_busy()
                return DISCONNECT
        if not message.get("more_body"):
            self.complete = True
            if self.timer:
                self.timer.cancel()
        return message

    async def send(self, message: Message) -> None:
        if self.refused:
            return
        if message["type"] == "http.response.start":
            self.started = True
            message = {**message, "headers": [*message.get("headers", ()), self.head.echo, *self._closing()]}
        await self.inner_send(message)

    def _closing(self) -> Headers:
        """Close when the client may still hold back its body, or when the connection was only lent."""
        if self.head.expects and not self.touched:
            return [CLOSE]
        return [CLOSE] if self._lent() else []

    async def refuse_size(self, size: int) -> None:
        most = self.guard.max_body
        if size <= most:
            # Over its address's cap and not proven: nobody read its key yet, and a 413 would have it drop its data.
            await self.refuse_busy()
            return
        text = f"{most >> 20} MiB" if most >= 1 << 20 else f"{most} bytes"
        await self._refuse(413, "too_large", f"The body is larger than {text}. Send it in smaller parts.")

    async def refuse_slow(self) -> None:
        seconds = self.guard.body_deadline
        await self._refuse(408, "too_slow", f"The body did not arrive within {seconds:g} seconds. Send it again.")

    async def refuse_busy(self) -> None:
        detail = "Too many strangers send at once. Try again in a second."
        await self._refuse(503, "busy", detail, (b"retry-after", b"1"))

    async def _refuse(self, status: int, error: str, detail: str, *headers: tuple[bytes, bytes]) -> None:
        self.refused = True
        refusals[error] += 1
        if not self.started:
            self.started = True
            await answer(self.inner_send, status, error, detail, CLOSE, self.head.echo, *headers)
        if self.waiting:
            self.waiting.reschedule(asyncio.get_running_loop().time())
