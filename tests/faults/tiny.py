"""A tiny application behind our real guard, bridge and server, to be abused in a process of its own.

    python -m tests.faults.tiny PORT [CAP]

Django without a database: fast to start, and every road of the bridge has a view.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import django
from django.conf import settings

if not settings.configured:
    settings.configure(
        DEBUG=False,
        SECRET_KEY="only-for-tests",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="tests.faults.tiny",
        USE_TZ=True,
        DATABASES={},
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        DATA_UPLOAD_MAX_MEMORY_SIZE=8 << 20,
    )
    django.setup()

from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.utils import translation

from core.bridge import WsgiBridge
from core.guard import App, Guard, Receive, Scope, Send, trust
from core.jsonlog import request_id

KEY = b"Bearer good"
BIG = 5 << 20
closed: list[str] = []
seen: list[str] = []


class Noted(BytesIO):
    """A file that tells when it was closed."""

    def close(self) -> None:
        closed.append("file")
        super().close()


def echo(request: HttpRequest) -> JsonResponse:
    seen.append(request.path)
    return JsonResponse(
        {
            "method": request.method,
            "path": request.path,
            "query": request.META["QUERY_STRING"],
            "length": len(request.body),
            "announced": request.META.get("CONTENT_LENGTH"),
            "encoding": request.META.get("HTTP_TRANSFER_ENCODING"),
            "address": request.META["REMOTE_ADDR"],
            "secure": request.is_secure(),
            "forwarded": request.META.get("HTTP_X_FORWARDED_FOR"),
            "cookies": dict(request.COOKIES),
            "thread": threading.current_thread().name,
            "language": translation.get_language(),
            "request": request_id.get(),
        }
    )


def turn(request: HttpRequest) -> HttpResponse:
    translation.activate("de")
    return HttpResponse("turned")


def nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=204)


def unchanged(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"not to be sent", status=304, headers={"Content-Length": "14"})


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def pieces() -> Iterator[bytes]:
        try:
            for _ in range(BIG >> 16):
                yield b"s" * 65536
        finally:
            closed.append("stream")

    return StreamingHttpResponse(pieces())


def endless(request: HttpRequest) -> StreamingHttpResponse:
    def pieces() -> Iterator[bytes]:
        try:
            while True:
                time.sleep(0.01)
                yield b"e" * 1024
        finally:
            closed.append("endless")

    return StreamingHttpResponse(pieces())


def broken_stream(request: HttpRequest) -> StreamingHttpResponse:
    def pieces() -> Iterator[bytes]:
        yield b"begun"
        raise RuntimeError("in the middle")

    return StreamingHttpResponse(pieces())


def file(request: HttpRequest) -> FileResponse:
    return FileResponse(Noted(b"f" * BIG), content_type="application/octet-stream")


def slow(request: HttpRequest) -> HttpResponse:
    time.sleep(float(request.GET.get("s", "1")))
    return HttpResponse("slow")


def told(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"closed": closed, "seen": seen})


urlpatterns = [
    path("echo", echo),
    path("café", echo),
    path("turn", turn),
    path("nothing", nothing),
    path("unchanged", unchanged),
    path("stream", stream),
    path("endless", endless),
    path("broken-stream", broken_stream),
    path("file", file),
    path("slow", slow),
    path("told", told),
]


_django = get_wsgi_application()


def wsgi(environ: dict[str, Any], start_response: Any) -> Any:
    if environ["PATH_INFO"] == "/broken":
        raise RuntimeError("before the headers")
    return _django(environ, start_response)


async def _plain(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def door(scope: Scope, receive: Receive, send: Send) -> None:
    """Like the ingest door: the key is looked at before the body."""
    if dict(scope["headers"]).get(b"authorization") != KEY:
        await _plain(send, 401, b"no")
        return
    trust(scope)
    size = 0
    while (message := await receive())["type"] == "http.request":
        size += len(message["body"])
        if not message["more_body"]:
            await _plain(send, 200, str(size).encode())
            return


async def deaf(scope: Scope, receive: Receive, send: Send) -> None:
    """Never reads, hardly ever answers."""
    await asyncio.sleep(60)


async def healthy(scope: Scope, receive: Receive, send: Send) -> None:
    await _plain(send, 200, b"ok")


DOORS: dict[str, App] = {"/ingest": door, "/deaf": deaf, "/healthz": healthy}


class Tiny:
    """Doors, and Django behind the bridge."""

    def __init__(self, *, workers: int = 4, backlog: int = 128, send_timeout: float = 3) -> None:
        self.bridge = WsgiBridge(
            wsgi,
            workers=workers,
            backlog=backlog,
            max_body=8 << 20,
            body_budget=64 << 20,
            send_timeout=send_timeout,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.lifespan(receive, send)
        elif scope["type"] == "websocket":
            await self.socket(receive, send)
        else:
            await DOORS.get(scope["path"], self.bridge)(scope, receive, send)

    async def socket(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})

    async def lifespan(self, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        self.bridge.close()
        await send({"type": f"{message['type']}.complete"})


tiny = Tiny()
application = Guard(tiny)


def _ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def main() -> None:
    from monitor.serve import serve

    port, cap = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 20
    serve("127.0.0.1", port, app="tests.faults.tiny:application", connection_cap=cap, ready=_ready)
    sys.stdout.write("returned\n")


if __name__ == "__main__":
    main()
