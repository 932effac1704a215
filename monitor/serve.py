"""Runs the product's ASGI application under uvicorn, with our own limits and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.server import HANDLED_SIGNALS

from monitor import https
from monitor.protocol import Gate, GuardedProtocol, Limits

log = logging.getLogger(__name__)
GRACE = 3  # for requests that run; long polls and sockets end at once
STOP = 4.7  # after a signal the process is gone within this time
HANDSHAKE = 12
BACKLOG = 4096


class Server(uvicorn.Server):
    """uvicorn with a gate in front of every connection, told when it listens, and ending without a signal."""

    def __init__(
        self,
        config: uvicorn.Config,
        limits: Limits,
        ready: Callable[[], None] | None,
        stopping: Callable[[], None] | None,
    ) -> None:
        super().__init__(config)
        self.limits = limits
        self.ready = ready
        self.stopping = stopping
        self.ended = threading.Event()
        self.gate: Gate | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's own, with our protocol's gate and a deadline for TLS handshakes, which it does not offer."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(3)
        loop = asyncio.get_running_loop()
        self.gate = Gate(loop, self.limits, _networks(self.config.forwarded_allow_ips))
        made = partial(GuardedProtocol, self.config, self.server_state, self.lifespan.state, gate=self.gate)
        handshake = HANDSHAKE if self.config.ssl else None
        self.servers = [
            await loop.create_server(
                made, sock=each, ssl=self.config.ssl, backlog=BACKLOG, ssl_handshake_timeout=handshake
            )
            for each in sockets or ()
        ]
        self.gate.start()
        self.started = True
        if self.ready:
            # In a thread of its own: it may talk to this very server, whose loop runs here.
            threading.Thread(target=_call, args=(self.ready,), name="ready", daemon=True).start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.stopping:
            _call(self.stopping)
        await super().shutdown(sockets)
        if self.gate:
            self.gate.stop()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn raises the caught signal again at its end and so dies by it; we return and leave with 0."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, self.handle_exit) for each in HANDLED_SIGNALS}
        try:
            yield
        finally:
            self.ended.set()
            for each, handler in before.items():
                signal.signal(each, signal.SIG_IGN if self.should_exit else handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self.should_exit:
            threading.Thread(target=_last_resort, args=(self.ended,), name="last-resort", daemon=True).start()
        super().handle_exit(sig, frame)


def serve(  # noqa: PLR0913 - the one door for `up` and `run web`
    host: str,
    port: int,
    *,
    tls: tuple[Path, Path] | None = None,
    trusted: list[str] | None = None,
    ready: Callable[[], None] | None = None,
    stopping: Callable[[], None] | None = None,
    app: str = "monitor.asgi:application",
    connection_cap: int = 20,
) -> None:
    """Serve until SIGTERM or SIGINT; raises OSError when the address cannot be had.

    `ready` runs in a thread once the socket listens; `stopping` runs on the loop as soon as the end begins,
    before requests are waited for: there long polls let go.
    """
    listener = listen(host, port)
    _allow_many_files()
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=GuardedProtocol,
        ws="websockets-sansio",
        ws_max_size=64 << 10,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted),
        forwarded_allow_ips=trusted or [],
        timeout_graceful_shutdown=GRACE,
        reset_contextvars=True,  # a pipelined request would else inherit the language of the one before
        **_tls(tls),
    )
    limits = Limits(cap=connection_cap)
    Server(config, limits, ready, stopping).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """Take the address before anything else starts, so that a busy port stops the start at once."""
    family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, proto)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and address[0] == "::":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def _tls(pair: tuple[Path, Path] | None) -> dict[str, Any]:
    return {"ssl_context_factory": lambda _config, _usual: https.context(*pair)} if pair else {}


def _networks(trusted: Any) -> tuple[Any, ...]:
    return tuple(ipaddress.ip_network(each, strict=False) for each in trusted or ())


def _allow_many_files() -> None:
    """Each agent is an open file; the usual soft limit of 1,024 is too small for a thousand of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _call(hook: Callable[[], None]) -> None:
    try:
        hook()
    except Exception:
        log.exception("A hook of the server failed")


def _last_resort(ended: threading.Event) -> None:
    """Leave in time whatever hangs: Celery's and the pool's threads are no daemons, and Python waits for them.

    Everything that must not be lost is in the database by then; work that was cut off is done again.
    """
    time.sleep(STOP)
    stuck = [each.name for each in threading.enumerate() if not each.daemon and each is not threading.main_thread()]
    log.warning("Leaving while these threads still run: %s", ", ".join(stuck) or "none but the main one")
    with contextlib.suppress(Exception):
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0 if ended.is_set() else 1)
