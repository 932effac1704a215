"""The hungriest processes by processor and memory, by name, few and sticky so that their series last."""

from __future__ import annotations

import os
import re
import time

import psutil

from watchkeeper_agent.collectors.base import collector, procfs
from watchkeeper_agent.sample import Sample

PLACES = 5
SWAP_AFTER = 600.0
ODDS = 1.5  # a newcomer must be this much above the least of those shown
MANY = re.compile(r"\d{3,}")
LEAST_PERCENT, LEAST_BYTES = 1.0, 32 << 20
LONGEST_NAME = 40

Look = dict[int, tuple[str, float, int]]  # pid: name, seconds of processor, resident bytes


def name_of(name: str) -> str:
    """A name that does not change with each start: kernel threads by their kind, long numbers hidden."""
    if name.startswith(("kworker", "ksoftirqd", "migration", "cpuhp", "irq/")):
        return name.partition("/")[0]
    return MANY.sub("N", name)[:LONGEST_NAME] or "?"


class Places:
    """Who is shown: filled at once, then one newcomer in ten minutes at most."""

    def __init__(self, least: float) -> None:
        self.least = least
        self.names: list[str] = []
        self.swapped: float | None = None

    def choose(self, found: dict[str, float], at: float) -> list[str]:
        ranked = sorted((name for name in found if found[name] >= self.least), key=lambda name: -found[name])
        new = [name for name in ranked[:PLACES] if name not in self.names]
        while new and len(self.names) < PLACES:
            self.names.append(new.pop(0))
        if new and (self.swapped is None or at - self.swapped >= SWAP_AFTER):
            last = min(self.names, key=lambda name: found.get(name, 0.0))
            if found[new[0]] > ODDS * found.get(last, 0.0):
                self.names[self.names.index(last)] = new[0]
                self.swapped = at
        return self.names


@collector("top processes", period=60.0)
class Top:
    """Per cent of one core, as `top` tells it, and resident memory, each summed over a name's processes."""

    def __init__(self) -> None:
        self.before: dict[int, tuple[str, float]] = {}
        self.at: float | None = None
        self.by_cpu, self.by_memory = Places(LEAST_PERCENT), Places(LEAST_BYTES)
        self.period = 60.0

    def collect(self, sample: Sample) -> None:
        began = time.thread_time()
        seen = look()
        # A machine of ten thousand processes is asked more rarely.
        self.period = min(600.0, max(60.0, 10_000 * (time.thread_time() - began)))
        passed = None if self.at is None else sample.at - self.at
        memory: dict[str, float] = {}
        busy: dict[str, float] = {}
        for pid, (name, spent, resident) in seen.items():
            memory[name] = memory.get(name, 0) + resident
            known = self.before.get(pid)
            # A number taken by another process meanwhile counts from zero, as does a new one.
            rise = spent - known[1] if known and known[0] == name and spent >= known[1] else spent
            busy[name] = busy.get(name, 0.0) + rise
        self.before, self.at = {pid: (one[0], one[1]) for pid, one in seen.items()}, sample.at
        for name in self.by_memory.choose(memory, sample.at):
            sample.put("top_process_memory_bytes", memory.get(name, 0), process=name)
        if not passed or passed <= 0:
            return
        shares = {name: 100 * spent / passed for name, spent in busy.items()}
        for name in self.by_cpu.choose(shares, sample.at):
            sample.put("top_process_cpu_percent", shares.get(name, 0.0), 2, process=name)


def look() -> Look:
    """Every process there is."""
    return _linux() if os.path.exists(f"{procfs()}/stat") else _others()


def _linux() -> Look:
    tick, page, root = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE"), procfs()
    found: Look = {}
    for pid in os.listdir(root):
        if not pid.isdigit():
            continue
        try:
            with open(f"{root}/{pid}/stat", "rb") as file:
                text = file.read()
        except OSError:
            continue  # it has just ended
        head, _, rest = text.rpartition(b")")
        fields = rest.split()
        if len(fields) > 21:
            name = name_of(head.partition(b"(")[2].decode(errors="replace"))
            found[int(pid)] = (name, (int(fields[11]) + int(fields[12])) / tick, int(fields[21]) * page)
    return found


def _others() -> Look:
    found: Look = {}
    for process in psutil.process_iter(["name", "cpu_times", "memory_info"]):
        name, times, memory = (process.info[key] for key in ("name", "cpu_times", "memory_info"))
        if name and times and memory:
            found[process.pid] = (name_of(name), times.user + times.system, memory.rss)
    return found
