"""Start and stop of a web process: the parts in order, within bounds, from the server's own lifespan."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings

from core import live
from monitor import parts as _parts
from monitor import schedule
from monitor.parts import Parts
from servers import orders

log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]

parts = Parts()
at_stop: list[Callable[[], None]] = []
"""Run first at shutdown, each bounded by itself: what was started around us."""


async def startup() -> None:
    live.own_loop(asyncio.get_running_loop())
    await asyncio.to_thread(_start)


def _start() -> None:
    if settings.EMBEDDED:
        _parts.clear_leases()
        schedule.install()
    parts.ears()
    parts.web()
    if settings.EMBEDDED:
        parts.rules_and_delivery()
        parts.learning()
        parts.background(beat=True)


def let_go() -> None:
    """The end begins: long polls are answered, so that nobody waits for them."""
    orders.board.end()


async def shutdown() -> None:
    await asyncio.to_thread(_stop)


def _stop() -> None:
    for call in at_stop:
        try:
            call()
        except Exception:
            # The rest must stop all the same.
            log.exception("Something around the server did not stop cleanly")
    parts.stop()


async def lifespan(receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
    """Answer the server's two questions; a failed start says why and ends the process."""
    while True:
        message = await receive()
        starting = message["type"] == "lifespan.startup"
        try:
            await (startup if starting else shutdown)()
        except Exception as error:
            log.exception("The product could not %s", "start" if starting else "stop cleanly")
            await send({"type": f"{message['type']}.failed", "message": str(error)})
        else:
            await send({"type": f"{message['type']}.complete"})
        if not starting:
            return
