"""What a machine can be asked; each module registers its own collectors when it is imported."""

from __future__ import annotations

from watchkeeper_agent.collectors import (
    checks,
    containers,
    cpu,
    disk,
    host,
    inventory,
    itself,
    logs,
    memory,
    network,
    probes,
    services,
    smart,
    tcp,
    textfile,
    top,
    updates,
)
from watchkeeper_agent.collectors.base import Collector, collector, registered
from watchkeeper_agent.collectors.options import Options
from watchkeeper_agent.collectors.round import Collectors

__all__ = [
    "Collector",
    "Collectors",
    "Options",
    "checks",
    "collector",
    "containers",
    "cpu",
    "disk",
    "host",
    "inventory",
    "itself",
    "logs",
    "memory",
    "network",
    "probes",
    "registered",
    "services",
    "smart",
    "tcp",
    "textfile",
    "top",
    "updates",
]
