"""The server's HTTP protocol with the limits uvicorn lacks: who may hold a connection, how long, and how much.

The rules and their reasons: docs/decisions/connection-cap.md.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from core.guard import CLOSE, CONNECTION, Receive, Scope, Send, answer, plain_error, refusals

log = logging.getLogger(__name__)
NEVER = float("inf")
PIPELINE = 4
LINGER_BYTES = 256 << 10
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Limits:
    """All in seconds, bytes and connections."""

    cap: int = 20  # per address, of those that have not yet carried an authenticated request
    most_per_address: int = 2000
    most: int = 20_000
    header_seconds: float = 10
    hurried_header_seconds: float = 2  # over the cap
    hurried_body_seconds: float = 5
    idle_seconds: float = 15  # between requests, unproven
    keep_alive_seconds: float = 90  # between requests, proven
    leftover_seconds: float = 5  # for a body that nobody reads any more
    close_seconds: float = 10  # to take what is still to be sent
    head_bytes: int = 32 << 10
    head_count: int = 128
    quiet_bytes: int = 64 << 10  # chunk extensions and trailers


class Link:
    """One connection in the gate's book, from accept to the last byte, whatever protocol it speaks."""

    __slots__ = ("address", "buffered", "deadline", "gate", "patience", "protocol", "transport", "trusted")

    def __init__(self, gate: Gate, address: str, transport: Careful, protocol: Any) -> None:
        self.gate = gate
        self.address = address
        self.transport = transport
        self.protocol = protocol
        self.trusted = not address
        self.patience: float | None = None
        self.deadline = NEVER
        self.buffered = 0

    def trust(self) -> None:
        if self.trusted:
            return
        self.trusted = True
        if threading.get_ident() == self.gate.thread:
            self.gate.forget(self)
        else:
            self.gate.loop.call_soon_threadsafe(self.gate.forget, self)

    def within(self, seconds: float) -> None:
        self.deadline = self.gate.loop.time() + seconds


@dataclass
class Gate:
    """The book of all connections of this process; looks once a second for those whose time is over."""

    loop: asyncio.AbstractEventLoop
    limits: Limits = field(default_factory=Limits)
    exempt: tuple[Network, ...] = ()

    def __post_init__(self) -> None:
        self.thread = threading.get_ident()
        self.links: dict[Link, None] = {}
        self.unproven: dict[str, dict[Link, None]] = {}
        self.timer: asyncio.TimerHandle | None = None
        self.told = 0.0

    def enter(self, transport: Careful, protocol: Any, host: str) -> Link:
        link = Link(self, self._address(host), transport, protocol)
        self.links[link] = None
        if link.address:
            mates = self.unproven.setdefault(link.address, {})
            mates[link] = None
            if len(mates) > self.limits.cap:
                link.patience = self.limits.hurried_body_seconds
            if len(mates) > self.limits.most_per_address:
                self._drop(next(iter(mates)), "address_full")
        if len(self.links) > self.limits.most:
            # The fullest address pays with its oldest; when all are proven, the newcomer goes.
            fullest = max(self.unproven.values(), key=len, default={link: None})
            self._drop(next(iter(fullest)), "server_full")
        return link

    def _address(self, host: str) -> str:
        """What counts as one address: an IPv4 address, or a whole /64 of IPv6; empty for a trusted proxy."""
        try:
            ip = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return host or "local"
        ip = getattr(ip, "ipv4_mapped", None) or ip
        if any(ip in network for network in self.exempt):
            return ""
        return str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, 64), strict=False))

    def forget(self, link: Link) -> None:
        """No longer unproven: proven, or gone."""
        mates = self.unproven.get(link.address, {})
        mates.pop(link, None)
        if not mates:
            self.unproven.pop(link.address, None)

    def leave(self, link: Link) -> None:
        self.links.pop(link, None)
        self.forget(link)

    def _drop(self, link: Link, reason: str) -> None:
        refusals[reason] += 1
        self.leave(link)
        link.transport.abort()

    def start(self) -> None:
        self.timer = self.loop.call_later(1, self._sweep, self.loop.time() + 1)

    def stop(self) -> None:
        if self.timer:
            self.timer.cancel()

    def _sweep(self, due: float) -> None:
        now = self.loop.time()
        # A late look proves that we were slow, perhaps not they: let what has arrived be read first.
        if now - due < 0.5:
            late = [link for link in self.links if link.deadline <= now]
            for link in late:
                link.deadline = NEVER
                link.protocol.expired()
            self._tell(len(late), now)
        self.start()

    def _tell(self, dropped: int, now: float) -> None:
        """At most one line in ten seconds: strangers must not fill the disk through our log."""
        if dropped >= 20 and now - self.told > 10:
            self.told = now
            log.warning("%d silent or slow connections were closed just now", dropped)


class Careful:
    """A transport that closes politely: lets the client read a refusal, but never waits for ever."""

    __slots__ = ("body_open", "closing", "link", "raw", "spilled", "write")

    def __init__(self, raw: asyncio.Transport) -> None:
        self.raw = raw
        self.write = raw.write
        self.closing = False
        self.body_open = False
        self.spilled = 0
        self.link: Link = None  # type: ignore[assignment]  # set once the gate has let it in

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)

    def is_closing(self) -> bool:
        return self.closing or self.raw.is_closing()

    def close(self) -> None:
        if self.closing:
            return
        self.closing = True
        self.link.buffered = self.raw.get_write_buffer_size()
        if self.body_open and not self.raw.is_closing() and self.raw.can_write_eof():
            # Closing with unread bytes makes the kernel send a reset that may overtake our answer.
            self.link.within(2)
            self.raw.write_eof()
            self.raw.resume_reading()
            return
        self.link.within(self.link.gate.limits.close_seconds)
        self.raw.close()

    def spill(self, size: int) -> None:
        """Bytes that come after our last word."""
        self.spilled += size
        if self.spilled > LINGER_BYTES:
            self.raw.abort()

    def expired(self) -> None:
        """Closing takes too long: give up, unless the client still takes what we send."""
        left = self.raw.get_write_buffer_size()
        if 0 < left < self.link.buffered:
            self.link.buffered = left
            self.link.within(self.link.gate.limits.close_seconds)
            return
        self.raw.abort()


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol under the gate's eyes."""

    transport: Careful  # type: ignore[assignment]

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], *, gate: Gate) -> None:
        super().__init__(config, server_state, app_state, gate.loop)
        self.gate = gate
        self.limits = gate.limits
        self.in_head = True
        self.head_bytes = self.quiet_bytes = self.leftover_bytes = 0
        self.link: Link = None  # type: ignore[assignment]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        careful = Careful(transport)
        super().connection_made(careful)  # type: ignore[arg-type]
        self.link = careful.link = self.gate.enter(careful, self, self.client[0] if self.client else "")
        self.app_state = {**self.app_state, CONNECTION: self.link}
        self.ws_protocol_class = partial(GuardedSocket, link=self.link)  # type: ignore[assignment]
        self.link.within(self._header_seconds())

    def _header_seconds(self) -> float:
        hurried = self.link.patience is not None and not self.link.trusted
        return self.limits.hurried_header_seconds if hurried else self.limits.header_seconds

    def connection_lost(self, exc: Exception | None) -> None:
        self.gate.leave(self.link)
        # uvicorn leaves its timer running when the connection is reset.
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.closing:
            self.transport.spill(len(data))
            return
        if self.in_head:
            self.head_bytes += len(data)
        else:
            self.quiet_bytes += len(data)
        super().data_received(data)
        if self.in_head and self.head_bytes > self.limits.head_bytes:
            self._refuse_head()
        elif self.leftover_bytes > LINGER_BYTES:
            self.transport.close()
        elif self.quiet_bytes > self.limits.quiet_bytes:
            self.send_400_response("The body is mostly chunk headers or trailers.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self.cycle is not None and self.link.deadline != NEVER:
            self.link.within(self._header_seconds())

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.in_head:  # else a trailer: nobody reads them, and they could be endless
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= PIPELINE:
            refusals["pipeline"] += 1
            raise ValueError("too many requests at once")
        self.in_head, self.quiet_bytes = False, 0
        self.link.deadline = NEVER
        self.transport.body_open = True
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.limits.head_bytes or len(self.headers) > self.limits.head_count:
            self.app = _head_too_large
            self.ws_protocol_class = None
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self.quiet_bytes = 0
        super().on_body(body)
        if self.cycle.response_complete:
            self.leftover_bytes += len(body)

    def on_message_complete(self) -> None:
        self.in_head = True
        self.head_bytes = self.quiet_bytes = self.leftover_bytes = 0
        self.transport.body_open = False
        super().on_message_complete()
        if self.cycle is not None and self.cycle.response_complete and not self.pipeline:
            self.link.deadline = NEVER  # the keep-alive timer rules from here

    def on_response_complete(self) -> None:
        trusted = self.link.trusted
        self.timeout_keep_alive = self.limits.keep_alive_seconds if trusted else self.limits.idle_seconds  # type: ignore[assignment]
        if self.transport.body_open and not self.transport.closing and not self.pipeline:
            self.link.within(self.limits.leftover_seconds)
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        self.link.within(self.limits.header_seconds)
        self._unset_keepalive_if_required()
        self.transport.body_open = False
        super().handle_websocket_upgrade()

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: a stranger could write our log full with it."""

    def expired(self) -> None:
        if self.transport.closing:
            self.transport.expired()
        elif self.in_head and self.head_bytes:
            self._refuse(408, "too_slow", "The request's header did not arrive in time. Send it again.")
        else:
            refusals["silent"] += 1
            self.transport.close()

    def _refuse_head(self) -> None:
        detail = f"The request's header is larger than {self.limits.head_bytes >> 10} KiB. Send fewer cookies."
        self._refuse(431, "header_too_large", detail)

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "bad_request", f"This is no valid HTTP request: {msg.rstrip('.')}.")

    def _refuse(self, status: int, error: str, detail: str) -> None:
        """Answer on the bare connection and close it, unless another answer is on its way."""
        if self.transport.is_closing():
            return
        refusals[error] += 1
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            if self.cycle is not None:
                self.cycle.disconnected = True
                self.cycle.message_event.set()
            body = plain_error(error, detail)
            head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
            self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.body_open = True  # more may be on its way
        self.transport.close()


class GuardedSocket(WebSocketsSansIOProtocol):
    """A WebSocket keeps its place in the gate's book."""

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], *, link: Link) -> None:
        super().__init__(config, server_state, {**app_state, CONNECTION: link}, link.gate.loop)
        self.link = link
        link.protocol = self

    def connection_lost(self, exc: Exception | None) -> None:
        self.link.gate.leave(self.link)
        if self in self.connections:
            super().connection_lost(exc)

    def expired(self) -> None:
        """Not accepted in time, or accepted and still unproven over the cap, or closing for too long."""
        if self.link.transport.closing:
            self.link.transport.expired()
        elif not self.handshake_complete or (self.link.patience is not None and not self.link.trusted):
            self.link.transport.abort()


async def _head_too_large(_scope: Scope, _receive: Receive, send: Send) -> None:
    refusals["header_too_large"] += 1
    await answer(send, 431, "header_too_large", "The request's header is too large. Send fewer cookies.", CLOSE)
