"""Processors: how busy, with what, core by core, and the load."""

from __future__ import annotations

from typing import Any

import psutil

from watchkeeper_agent.collectors.base import collector, proc
from watchkeeper_agent.sample import Sample

# Linux counts the first two as user time as well, Windows the others as system time.
WITHIN = ("guest", "guest_nice", "interrupt", "dpc")


@collector("cpu")
class Cpu:
    """Shares of the time since the last round."""

    def __init__(self) -> None:
        self.before: dict[str, Any] = {}

    def collect(self, sample: Sample) -> None:
        shares = self.shares("", psutil.cpu_times())
        sample.percent("cpu_used_percent", _used(shares))
        sample.percent("cpu_user_percent", _part(shares, "user", "nice"))
        sample.percent("cpu_system_percent", _part(shares, "system", "irq", "softirq"))
        for name in ("iowait", "steal"):
            if hasattr(self.before[""], name):
                sample.percent(f"cpu_{name}_percent", _part(shares, name))
        for number, times in enumerate(psutil.cpu_times(percpu=True)):
            core = self.shares(str(number), times)
            sample.percent("cpu_core_used_percent", _used(core), core=str(number))

    def shares(self, key: str, times: Any) -> dict[str, float] | None:
        """Per cent of each kind of time since the last round, None when there was no last round."""
        before, self.before[key] = self.before.get(key), times
        if before is None:
            return None
        # The kernel's idle and iowait may run backwards a little.
        spent = {
            name: max(0.0, getattr(times, name) - getattr(before, name))
            for name in times._fields
            if name not in WITHIN
        }
        total = sum(spent.values())
        return {name: 100 * value / total for name, value in spent.items()} if total else None


def _part(shares: dict[str, float] | None, *names: str) -> float | None:
    return None if shares is None else sum(shares.get(name, 0.0) for name in names)


def _used(shares: dict[str, float] | None) -> float | None:
    """All but waiting: a processor that waits for a disk could do other work."""
    return None if shares is None else 100 - shares["idle"] - shares.get("iowait", 0.0)


@collector("load")
class Load:
    def collect(self, sample: Sample) -> None:
        fields = proc("loadavg").split() or [str(value) for value in psutil.getloadavg()]
        for name, value in zip(("load1", "load5", "load15"), fields):
            sample.put(name, float(value), 2)


@collector("pressure")
class Pressure:
    """The share of time in which some task waited for a resource (Linux 4.20 and later)."""

    def collect(self, sample: Sample) -> None:
        for resource in ("cpu", "memory", "io"):
            line = proc(f"pressure/{resource}").partition("\n")[0]
            _, found, waited = line.partition("total=")
            if found:
                rise = sample.rise(f"pressure {resource}", int(waited))
                sample.percent(f"pressure_{resource}_percent", rise and rise[0] / rise[1] / 10_000)
