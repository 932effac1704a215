"""Serves a WSGI application from the ASGI loop: slow clients wait on the loop, never in a thread.

Why an own one: docs/decisions/serving.md.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import chain
from typing import IO, TYPE_CHECKING, Any, cast

from asgiref.sync import sync_to_async
from django.db import connections

from core.environ import Environ, Malformed, announced, build
from core.guard import Headers, Message, Receive, Scope, Send, answer, plain_error

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 128 << 10
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
log = logging.getLogger(__name__)


class Cut(Exception):
    """The answer cannot be finished; the server must cut the connection, without a final chunk."""


class Refused(Exception):
    """The request is answered without asking the application."""

    def __init__(self, status: int, error: str, detail: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(status, error, detail, *headers)


def busy() -> Refused:
    return Refused(503, "busy", "The server has too much to do. Try again in a second.", (b"retry-after", b"1"))


class File:
    """`wsgi.file_wrapper`: a file that the loop sends piece by piece."""

    def __init__(self, file: IO[bytes], _block_size: int = 0) -> None:
        self.read = file.read
        self.close = file.close


class _Answer:
    """What the application gave: its start, and a whole body, a file, or nothing more to send."""

    __slots__ = ("body", "file", "sent", "start")

    def __init__(self, start: Message, body: bytes = b"", *, file: File | None = None, sent: bool = False) -> None:
        self.start = start
        self.body = body
        self.file = file
        self.sent = sent


class _Begun:
    """What the application said through `start_response`."""

    def __init__(self, status: int = 0, headers: list[tuple[str, str]] | None = None) -> None:
        self.status = status
        self.headers = headers or []
        self.early: list[bytes] = []

    def start_response(
        self, status: str, headers: list[tuple[str, str]], _info: Any = None
    ) -> Callable[[bytes], None]:
        self.status, self.headers = int(status.split(" ", 1)[0]), headers
        return self.early.append

    @property
    def bodyless(self) -> bool:
        return self.status in {204, 304} or self.status < 200

    def carries_body(self, environ: Environ) -> bool:
        return environ["REQUEST_METHOD"] != "HEAD" and not self.bodyless

    def start(self, length: int | None = None) -> Message:
        if not self.status:
            raise RuntimeError("The application answered without calling start_response.")
        named: Headers = [(name.lower().encode("latin1"), value.encode("latin1")) for name, value in self.headers]
        if self.bodyless:
            named = [pair for pair in named if pair[0] != b"content-length"]
        elif length is not None and not any(name == b"content-length" for name, _ in named):
            named.append((b"content-length", str(length).encode()))
        return {"type": "http.response.start", "status": self.status, "headers": named}


class _Client:
    """The way back to one client, and whether it is still there."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self.loop = asyncio.get_running_loop()
        self.receive = receive
        self.send = send
        self.gone = False
        self.watch: asyncio.Task[None] | None = None

    def look(self) -> None:
        """Notice a client that leaves while a stream runs. Called on the loop."""
        if self.watch is None:
            self.watch = self.loop.create_task(self._wait())

    async def _wait(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass
        self.gone = True

    async def send_within(self, message: Message, seconds: float) -> None:
        if self.gone:
            raise Cut
        try:
            async with asyncio.timeout(seconds):
                await self.send(message)
        except TimeoutError:
            raise Cut from None

    def send_from_thread(self, message: Message, seconds: float) -> None:
        future = asyncio.run_coroutine_threadsafe(self.send_within(message, seconds), self.loop)
        try:
            future.result(seconds + 5)
        except TimeoutError:
            future.cancel()
            raise Cut from None

    def release(self) -> None:
        if self.watch:
            self.watch.cancel()


class WsgiBridge:
    def __init__(  # noqa: PLR0913 - six limits, each named at the one place that makes a bridge
        self,
        app: WsgiApp,
        *,
        workers: int,
        backlog: int,
        max_body: int,
        body_budget: int,
        body_timeout: float = 30,
        send_timeout: float = 30,
    ) -> None:
        self.app = app
        self.workers = workers
        self.backlog = backlog
        self.max_body = max_body
        self.budget = body_budget
        self.body_timeout = body_timeout
        self.send_timeout = send_timeout
        self.streams = threading.BoundedSemaphore(max(1, workers // 2))
        self.inflight = self.files = 0
        self._renew()
        # A forked child inherits a pool whose threads do not exist and would wait for them for ever.
        renew = weakref.WeakMethod(self._renew)
        os.register_at_fork(after_in_child=lambda: (method := renew()) and method())

    def _renew(self) -> None:
        self.threads = 0
        self.pool = ThreadPoolExecutor(self.workers, thread_name_prefix="web", initializer=self._count_thread)
        # The public way to let `async_to_sync` in a view find the main loop.
        self._call: Callable[..., Awaitable[_Answer]] = sync_to_async(
            self._work, thread_sensitive=False, executor=self.pool
        )

    def _count_thread(self) -> None:
        self.threads += 1

    def close(self) -> None:
        """End the pool and the database connections of its threads; a hanging view is left behind."""
        meet = threading.Barrier(max(1, self.threads))
        for _ in range(self.threads):
            with suppress(RuntimeError):
                self.pool.submit(_leave, meet)
        self.pool.shutdown(wait=False, cancel_futures=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = _Client(receive, send)
        try:
            result = await self._ask(scope, client)
            if result is None or result.sent:
                return
            if result.file:
                await self._send_file(result.start, result.file, client)
            else:
                await client.send(result.start)
                await client.send({"type": "http.response.body", "body": result.body, "more_body": False})
        except Refused as refusal:
            await answer(send, *refusal.args)
        finally:
            client.release()

    async def _ask(self, scope: Scope, client: _Client) -> _Answer | None:
        """Read the body here, then let a thread answer; None when the client has left."""
        taken = [0]
        try:
            # Only what waits for a thread counts as backlog: slow bodies must not shut out everybody else.
            self._check_backlog()
            body = await self._read(scope, client.receive, taken)
            if body is None:
                return None
            self._check_backlog()
            return await self._run(build(scope, body, File), client)
        finally:
            self.budget += taken[0]

    async def _run(self, environ: Environ, client: _Client) -> _Answer:
        self.inflight += 1
        try:
            return await self._call(environ, client)
        finally:
            self.inflight -= 1

    def _check_backlog(self) -> None:
        if self.inflight >= self.backlog:
            raise busy()

    async def _read(self, scope: Scope, receive: Receive, taken: list[int]) -> bytearray | None:
        try:
            length = announced(scope)
            if (length or 0) > self.max_body:
                raise self._too_large()
            async with asyncio.timeout(self.body_timeout):
                body = await self._collect(receive, taken)
        except Malformed as error:
            raise Refused(400, "bad_request", str(error)) from error
        except TimeoutError:
            raise Refused(408, "too_slow", "The body did not arrive in time. Send it again.") from None
        if body is not None and length is not None and length != len(body):
            detail = f"The body has {len(body)} bytes, but {length} were announced. Send it again."
            raise Refused(400, "bad_request", detail)
        return body

    async def _collect(self, receive: Receive, taken: list[int]) -> bytearray | None:
        body = bytearray()  # in one piece: hundreds of small ones would leave holes in the heap
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            piece = message.get("body", b"")
            if taken[0] + len(piece) > self.max_body:
                raise self._too_large()
            if len(piece) > self.budget:
                raise busy()
            taken[0] += len(piece)
            self.budget -= len(piece)
            body += piece
            if not message.get("more_body"):
                return body

    def _too_large(self) -> Refused:
        detail = f"The body is larger than {self.max_body} bytes. Send it in smaller parts."
        return Refused(413, "too_large", detail, (b"connection", b"close"))

    async def _send_file(self, start: Message, file: File, client: _Client) -> None:
        """Each piece is read in a thread and sent here, so a slow reader holds no thread."""
        run = sync_to_async(_read_or_close, thread_sensitive=False, executor=self.pool)
        self.files += 1
        try:
            if self.files > self.backlog:
                raise busy()
            client.look()
            await client.send(start)
            left = _length(start["headers"])
            while piece := await run(file, min(BLOCK, left)):
                left -= len(piece)
                await client.send_within(_piece(piece), self.send_timeout)
            await client.send_within(_piece(b"", last=True), self.send_timeout)
        except Cut:
            if not client.gone:
                raise
        finally:
            self.files -= 1
            await run(file, -1)

    def _work(self, environ: Environ, client: _Client) -> _Answer:
        """In a pool thread: run the application, and collect and close its answer unless it is a file."""
        begun, result = _Begun(), cast("Iterable[bytes]", ())
        try:
            result = self.app(environ, begun.start_response)
            if isinstance(result, File) and begun.carries_body(environ):
                file, result = result, ()
                return _Answer(begun.start(), file=file)
            return self._finish(environ, begun, result, client)
        except (Cut, Refused):
            raise
        except Exception:
            log.exception("%s %s failed before its answer began", environ["REQUEST_METHOD"], environ["PATH_INFO"])
            body = plain_error("internal", "The server failed to answer. Its log says why.")
            return _Answer(_Begun(500, [("Content-Type", "application/json")]).start(len(body)), body)
        finally:
            _close(result)

    def _finish(self, environ: Environ, begun: _Begun, result: Iterable[bytes], client: _Client) -> _Answer:
        streams = isinstance(result, File) or getattr(result, "streaming", not isinstance(result, list | tuple))
        if not begun.carries_body(environ):
            length = None if streams or begun.bodyless else sum(map(len, result))
            return _Answer(begun.start(length))
        if streams:
            self._stream(begun, result, client)
            return _Answer(begun.start(), sent=True)
        body = b"".join([*begun.early, *result])
        return _Answer(begun.start(len(body)), body)

    def _stream(self, begun: _Begun, result: Iterable[bytes], client: _Client) -> None:
        """A generator stays in its thread (its cursor lives there); half of the threads always stay free."""
        with self._stream_slot():
            client.loop.call_soon_threadsafe(client.look)
            try:
                client.send_from_thread(begun.start(), self.send_timeout)
                for piece in filter(None, chain(begun.early, result)):
                    client.send_from_thread(_piece(piece), self.send_timeout)
                client.send_from_thread(_piece(b"", last=True), self.send_timeout)
            except Cut:
                if not client.gone:
                    raise
            except Exception as error:
                raise Cut from error

    @contextmanager
    def _stream_slot(self) -> Iterator[None]:
        if not self.streams.acquire(blocking=False):
            raise busy()
        try:
            yield
        finally:
            self.streams.release()


def _leave(meet: threading.Barrier) -> None:
    connections.close_all()
    with suppress(threading.BrokenBarrierError):
        meet.wait(0.5)  # so that each thread takes one of these


def _read_or_close(file: File, size: int) -> bytes:
    if size >= 0:
        return file.read(size)
    file.close()
    return b""


def _close(result: object) -> None:
    close = getattr(result, "close", None)
    if close is None:
        return
    try:
        close()
    except Exception:
        log.exception("Closing an answer failed")


def _piece(data: bytes, *, last: bool = False) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": not last}


def _length(headers: Headers) -> int:
    """How much of a file may be sent: a file that has grown must not outrun its announced length."""
    return next((int(value) for name, value in headers if name == b"content-length"), 1 << 62)
