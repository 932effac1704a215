"""One door for everything: the guard, then the ingest door, the sockets, or Django behind its bridge."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "monitor.settings")

from monitor.wsgi import application as django  # loads the apps: the rest is imported after it

# isort: split
from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings
from django.urls import path

from checks import door as ping
from core.bridge import WsgiBridge
from core.guard import Guard
from dashboards.consumers import LiveConsumer
from ingest import orders
from ingest.door import door
from monitor.lifespan import lifespan

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

DOORS = {("POST", "/api/v1/ingest"): door, ("GET", "/api/v1/orders"): orders.door}

web = WsgiBridge(
    django,
    workers=settings.WEB_THREADS,
    backlog=settings.WEB_BACKLOG,
    max_body=settings.WEB_MAX_BODY,
    body_budget=settings.WEB_BODY_BUDGET,
    body_timeout=settings.WEB_BODY_TIMEOUT,
    send_timeout=settings.WEB_SEND_TIMEOUT,
)
sockets = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter([path("ws/live", LiveConsumer.as_asgi())])))


async def route(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        # Some senders double slashes; a redirect would lose their POST.
        found = DOORS.get((scope["method"], scope["path"].replace("//", "/")))
        if found is None and scope["path"].startswith("/ping/"):
            found = ping.door
        await (found or web)(scope, receive, send)
    elif scope["type"] == "websocket":
        await sockets(scope, receive, send)
    elif scope["type"] == "lifespan":
        await lifespan(receive, send)


application = Guard(route, max_body=settings.WEB_MAX_BODY, body_deadline=settings.WEB_BODY_TIMEOUT)
