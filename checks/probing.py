"""Checks that agents run: what each is to look at goes to it as one order, and comes back as its own samples."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from checks import secrets
from checks.models import Check
from servers.models import Order, Server
from servers.services import orders

ORDER = "probes"
HOURS = 24.0 * 7
AGAIN = timedelta(hours=1)


def send(server: Server) -> None:
    """Tell its agent all that it shall look at; what was told before and not heard yet is replaced."""
    orders.replace(server, ORDER, {"checks": wanted(server)}, hours=HOURS)


def again(server: Server, now: datetime) -> None:
    """An agent that tells nothing of its checks may have lost them: told once more, at most once an hour."""
    last = Order.objects.filter(server=server, kind=ORDER).order_by("-pk").first()
    if last is None or (last.state != "waiting" and now - last.created_at > AGAIN):
        send(server)


def wanted(server: Server) -> list[dict[str, Any]]:
    """As the agent reads it. Secrets of headers do not travel in orders: such a check runs on the hub."""
    found = Check.objects.filter(server=server, by_agent=True, paused=False).order_by("pk")
    return [
        {
            "name": one.label, "kind": one.kind, "target": one.target, "config": secrets.plain(one.config),
            "interval": one.interval, "timeout": one.timeout, "retries": one.retries, "window": one.window,
        }
        for one in found
    ]  # fmt: skip
