"""The agent itself: what watching costs."""

from __future__ import annotations

import os
import time

import psutil

from watchkeeper_agent.collectors.base import collector
from watchkeeper_agent.sample import Sample


@collector("agent")
class Itself:
    """The spool's size is put by the loop, which owns the spool."""

    def __init__(self) -> None:
        self.process = psutil.Process(os.getpid())

    def collect(self, sample: Sample) -> None:
        rise = sample.rise("agent cpu", time.process_time())
        # Of one core, so on a machine of many it may be more than 100 without being wrong.
        sample.put("agent_cpu_percent", rise and 100 * rise[0] / rise[1], 3)
        sample.put("agent_memory_bytes", self.process.memory_info().rss)
