"""The agent's life: look, keep, tell, at the hub's interval, until it is told to stop."""

from __future__ import annotations

import hashlib
import os
import select
import signal
import socket
import sys
import time
from typing import Any

from watchkeeper_agent import facts
from watchkeeper_agent.collectors import Collectors
from watchkeeper_agent.config import Config
from watchkeeper_agent.courier import Courier
from watchkeeper_agent.errors import Trouble, say
from watchkeeper_agent.post import Hub
from watchkeeper_agent.sample import layout_of
from watchkeeper_agent.spool import Spool

BETWEEN_FACTS = 3600.0
SHORTEST, LONGEST = 1.0, 3600.0
LOCK_PATIENCE = 5.0


def phase(host: str) -> float:
    """Where in the interval this machine speaks, 0 to 1: a fleet never speaks all at once."""
    return int.from_bytes(hashlib.sha256(host.encode()).digest()[:8], "big") / 2**64


def next_tick(now: float, base: float, interval: float) -> float:
    """The next point of the grid, leaving out one that is too near for a fair rate."""
    return base + ((now + interval / 4 - base) // interval + 1) * interval


class Alarm:
    """Waits, and wakes at once for SIGTERM, SIGINT and, if asked to, the end of standard input."""

    def __init__(self, *, with_parent: bool = False) -> None:
        self.rung, self.bell = socket.socketpair()
        self.bell.setblocking(False)
        self.sources: list[Any] = [self.rung, *([sys.stdin.fileno()] if with_parent else [])]
        self.stopped = False
        # Python's own handler only runs between two steps of the program; the pipe wakes a sleeping one.
        signal.set_wakeup_fd(self.bell.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)

    def wait(self, until: float) -> bool:
        """Sleep until that moment of the monotonic clock; False once it is time to stop."""
        while not self.stopped:
            rest = until - time.monotonic()
            if rest <= 0:
                return True
            heard, _, _ = select.select(self.sources, [], [], rest)
            for source in heard:
                self.stopped = self.stopped or source is self.rung or not os.read(source, 4096)
        return False


class Loop:
    """One machine, one hub."""

    def __init__(self, config: Config) -> None:
        self.interval = _bounded(config.interval)
        hub = Hub(config.url, config.key, config.ca, insecure=config.insecure)
        self.lock = _lock(config.spool)
        self.spool = Spool(config.spool)
        self.courier = Courier(hub, self.spool, self.heard)
        self.collectors = Collectors()
        self.columns: list[str] = []
        self.layout = ""
        self.facts_hash = ""
        self.facts_at: float | None = None
        self.synced_at = 0.0

    def heard(self, answer: dict[str, Any]) -> None:
        """What the hub asks for in its answer."""
        wanted = answer.get("interval")
        if isinstance(wanted, (int, float)) and not isinstance(wanted, bool):
            self.interval = _bounded(float(wanted))

    def run(self, alarm: Alarm) -> None:
        """Until the alarm rings; the first row comes after a second, as rates need two looks."""
        self.courier.start()
        self.collectors.sample()
        now = time.monotonic()
        going = alarm.wait(now + 1)
        share = phase(facts.hostname())
        while going:
            self.tick()
            interval, now = self.interval, time.monotonic()
            # The wall clock only places the grid: if it jumps, one interval is odd.
            base = now - (time.time() - share * interval) % interval
            going = alarm.wait(next_tick(now, base, interval))
        self.courier.stop(within=1.0)
        self.spool.close()

    def tick(self) -> None:
        """Take one row, keep it, and have it told."""
        sample = self.collectors.sample()
        sample.put("agent_spool_bytes", self.spool.size())
        columns = list(sample.values)
        if columns != self.columns:
            self.columns, self.layout = columns, layout_of(columns)
        row = [round(time.time(), 3), *sample.values.values()]
        extras = self._news(sample.at)
        self.spool.append(self.columns, self.layout, row, live=self.courier.connected, extras=extras)
        self.courier.ring()
        if sample.at - self.synced_at >= 1.0:
            self.synced_at = sample.at
            self.spool.sync()

    def _news(self, now: float) -> dict[str, Any]:
        """The facts, at the start and when they changed."""
        if self.facts_at is not None and now - self.facts_at < BETWEEN_FACTS:
            return {}
        self.facts_at = now
        document = facts.gather()
        digest = facts.digest(document)
        if digest == self.facts_hash:
            return {}
        self.facts_hash = digest
        return {"facts": {"hash": digest, "document": document}}


def run(config: Config, *, with_parent: bool = False) -> None:
    """Run until told to stop."""
    alarm = Alarm(with_parent=with_parent)
    loop = Loop(config)
    say("loop", f"Watching this machine for {config.url}, every {loop.interval:g} s.")
    loop.run(alarm)


def _bounded(interval: float) -> float:
    return min(LONGEST, max(SHORTEST, interval))


def _lock(folder: str) -> int:
    """Two agents on one spool would tear it: the second waits a moment, then says so."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103 - pathlib costs memory
        descriptor = os.open(f"{folder}/lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Trouble(f"The spool folder {folder} cannot be used ({error.strerror}). Mend its rights.") from error
    patience = time.monotonic() + LOCK_PATIENCE
    while not _locked(descriptor):
        if time.monotonic() > patience:
            raise Trouble(f"Another agent runs with the spool {folder} already. Stop that one first.")
        time.sleep(0.2)
    return descriptor


def _locked(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - there is only one of the two

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
