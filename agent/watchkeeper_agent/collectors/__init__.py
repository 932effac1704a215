"""What a machine can be asked; each module registers its own collectors when it is imported."""

from __future__ import annotations

from watchkeeper_agent.collectors import cpu, disk, host, itself, memory, network
from watchkeeper_agent.collectors.base import Collector, Collectors, collector, registered

__all__ = [
    "Collector",
    "Collectors",
    "collector",
    "cpu",
    "disk",
    "host",
    "itself",
    "memory",
    "network",
    "registered",
]
