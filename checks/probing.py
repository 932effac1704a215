"""Checks that agents run: what each is to look at goes to it as one order, and comes back as its own samples."""

from __future__ import annotations

from typing import Any

from checks import secrets
from checks.models import Check
from servers.models import Server
from servers.services import orders

ORDER = "probes"
HOURS = 24.0 * 7


def send(server: Server) -> None:
    """Tell its agent all that it shall look at; what was told before and not heard yet is replaced."""
    orders.replace(server, ORDER, {"checks": wanted(server)}, hours=HOURS)


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
