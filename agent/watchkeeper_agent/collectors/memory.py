"""Memory and swap."""

from __future__ import annotations

import psutil

from watchkeeper_agent.collectors.base import collector
from watchkeeper_agent.sample import Sample


@collector("memory")
class Memory:
    """Used is what programs could not get any more: total without available."""

    def collect(self, sample: Sample) -> None:
        memory = psutil.virtual_memory()
        used = memory.total - memory.available
        sample.put("memory_total_bytes", memory.total)
        sample.put("memory_used_bytes", used)
        sample.put("memory_available_bytes", memory.available)
        sample.percent("memory_used_percent", 100 * used / memory.total)


@collector("swap")
class Swap:
    def collect(self, sample: Sample) -> None:
        swap = psutil.swap_memory()
        sample.put("swap_total_bytes", swap.total)
        sample.put("swap_used_bytes", swap.used)
        sample.percent("swap_used_percent", 100 * swap.used / swap.total if swap.total else 0.0)
