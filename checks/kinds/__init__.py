"""The kinds of checks there are; importing this registers them."""

from __future__ import annotations

from checks.kinds import dns, heartbeat, http, ping, tcp
from checks.kinds.base import Kind, Outcome, Task, registry

__all__ = ["Kind", "Outcome", "Task", "dns", "heartbeat", "http", "ping", "registry", "tcp"]
