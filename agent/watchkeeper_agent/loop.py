"""The agent's life: look, keep, tell, at the hub's interval, until it is told to stop."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any, Callable

from watchkeeper_agent import facts
from watchkeeper_agent.collectors import Collectors, Options
from watchkeeper_agent.config import Config, load, replace
from watchkeeper_agent.courier import Courier
from watchkeeper_agent.errors import Trouble, say
from watchkeeper_agent.lock import lock
from watchkeeper_agent.orders import PATIENCE, Desk, Ear, NotNow
from watchkeeper_agent.post import Hub, Unreachable
from watchkeeper_agent.rows import Limits
from watchkeeper_agent.sample import layout_of, sha256
from watchkeeper_agent.spool import Spool
from watchkeeper_agent.witnesses import witnesses

BETWEEN_FACTS = 3600.0
SHORTEST, LONGEST = 1.0, 3600.0
LONGEST_LIVE = 900.0
NEW_KEY = "/api/v1/agent/key"


def phase(host: str) -> float:
    """Where in the interval this machine speaks, 0 to 1: a fleet never speaks all at once."""
    return int(sha256(host.encode())[:16], 16) / 2**64


def next_tick(now: float, base: float, interval: float) -> float:
    """The next point of the grid, leaving out one that is too near for a fair rate."""
    return base + ((now + interval / 4 - base) // interval + 1) * interval


class Alarm:
    """Waits, and wakes at once for SIGTERM, SIGINT, a poke and, if asked to, the end of standard input."""

    def __init__(self, *, with_parent: bool = False) -> None:
        self.rung, self.bell = socket.socketpair()
        self.bell.setblocking(False)
        self.parent = sys.stdin.fileno() if with_parent else None
        self.stopped = False
        # Python's own handler only runs between two steps of the program; the pipe wakes a sleeping one.
        signal.set_wakeup_fd(self.bell.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)

    def poke(self) -> None:
        """From any thread: the time to wait for may have changed."""
        with contextlib.suppress(OSError):
            self.bell.send(b"\0")

    def wait(self, until: float) -> bool:
        """Sleep until that moment of the monotonic clock or a poke; False once it is time to stop."""
        rest = until - time.monotonic()
        if rest <= 0 or self.stopped:
            return not self.stopped
        sources: list[Any] = [self.rung] if self.parent is None else [self.rung, self.parent]
        heard, _, _ = select.select(sources, [], [], rest)
        for source in heard:
            if source is self.rung:
                self.stopped = self.stopped or bool(self.rung.recv(4096).strip(b"\0"))  # a signal's number
            else:
                self.stopped = self.stopped or not os.read(source, 4096)
        return not self.stopped


class Pace:
    """How often to look: the hub's interval, or faster while somebody watches."""

    def __init__(self, interval: float) -> None:
        self.usual = _bounded(interval)
        self.live = self.usual
        self.live_until = 0.0

    def interval(self) -> float:
        return min(self.usual, self.live) if time.monotonic() < self.live_until else self.usual

    def hurry(self, interval: float, seconds: float) -> None:
        """A hub that forgets to end it cannot keep us there: it must renew."""
        self.live = _bounded(interval)
        self.live_until = time.monotonic() + min(seconds, LONGEST_LIVE)


class Loop:
    """One machine, one hub."""

    def __init__(self, config: Config, poke: Callable[[], None] = lambda: None) -> None:
        self.config = config
        self.poke = poke
        self.pace = Pace(config.interval)
        self.spool = Spool(config.spool, Limits(size=config.spool_bytes, age=config.spool_age), guard=lock)
        hub = Hub(config.url, config.key, config.ca, insecure=config.insecure)
        self.desk = Desk({
            "live": self._live, "rotate_key": self._rotate_key, "resend": self._resend, "probes": self._probes,
        })  # fmt: skip
        self.courier = Courier(hub, self.spool, self.heard, self.desk)
        self.ear = Ear(hub.twin(timeout=PATIENCE), self.desk)
        self.collectors = Collectors(options=Options.of(config.collect, config.folder))
        self.witnesses = witnesses(config)
        self.columns: list[str] = []
        self.layout = ""
        self.facts_hash = ""
        self.facts_at: float | None = None
        self.facts_news = 0
        self.synced_at = self.ticked_at = 0.0

    # -- what the hub wants; other threads say it ---------------------------------------------

    def heard(self, answer: dict[str, Any]) -> None:
        """What the hub asks for in its answer."""
        wanted = answer.get("interval")
        if isinstance(wanted, (int, float)) and not isinstance(wanted, bool):
            self.pace.usual = _bounded(float(wanted))

    def _live(self, wishes: dict[str, Any], left: float | None) -> None:
        interval = wishes.get("interval", 1)
        rest = wishes.get("seconds", left)  # measured by the hub itself, so that no clock matters
        if not isinstance(interval, (int, float)) or not isinstance(rest, (int, float)):
            raise Trouble("A live order needs an interval and an end.")
        self.pace.hurry(float(interval), float(rest))
        self.poke()

    def _rotate_key(self, _wishes: dict[str, Any], _left: float | None) -> str:
        """A new key is fetched with the old one, kept, then used; the hub ends the old one when it sees the new."""
        line = self.courier.hub.twin(timeout=20.0)
        try:
            answer = line.post(NEW_KEY, {})
        except Unreachable as trouble:
            raise NotNow(f"A new key could not be fetched: {trouble}") from trouble
        finally:
            line.close()
        if answer.status == 429 or answer.status >= 500:
            raise NotNow(f"The hub gives no new key now ({answer.status}): {answer.detail}")
        key = answer.document.get("key")
        if answer.status not in (200, 201) or not isinstance(key, str) or not _is_key(key):
            raise Trouble(f"The hub gave no new key ({answer.status}): {answer.detail}")
        fresh = load(self.config.path)  # somebody may have edited the file meanwhile
        fresh.key = key
        fresh.save()
        self.config.key = self.courier.hub.key = self.ear.hub.key = key
        say("key", "The agent's key was replaced, as the hub asked.")
        return "The new key is in use."

    def _probes(self, wishes: dict[str, Any], _left: float | None) -> str:
        """What the hub wants looked at from here: kept in a file, which the collector reads."""
        checks = wishes.get("checks")
        if not isinstance(checks, list):
            raise Trouble("An order for probes needs a list of checks.")
        if "probes" in self.collectors.options.off:
            raise Trouble("Probes are switched off in the agent's file.")
        try:
            replace(self.collectors.options.probes, json.dumps({"checks": checks}))
        except OSError as error:
            raise NotNow(f"They could not be kept ({error.strerror}).") from error
        return f"{len(checks)} checks are looked at from here."

    def _resend(self, _wishes: dict[str, Any], _left: float | None) -> str:
        rows = self.spool.recall()
        self.courier.ring()
        return f"{rows} rows go out again."

    # -- the round ----------------------------------------------------------------------------

    def run(self, alarm: Alarm) -> None:
        """Until the alarm rings; the first row comes after a second, as rates need two looks."""
        self.courier.start()
        self.ear.start()
        self.collectors.start()
        self.collectors.sample()
        going, due = True, time.monotonic() + 1
        while going and time.monotonic() < due:
            going = alarm.wait(due)
        share = phase(facts.hostname())
        while going:
            self.tick()
            self.ticked_at = time.monotonic()
            going = self._rest(alarm, share)
        self.courier.stop(within=1.0)
        self.ear.stop(within=0.1)
        self.collectors.stop(within=0.4)
        self.spool.close()

    def _rest(self, alarm: Alarm, share: float) -> bool:
        """Until the next point of the grid, which may change meanwhile; False once it is time to stop."""
        while True:
            interval = self.courier.interval = self.pace.interval()
            # The wall clock only places the grid: if it jumps, one interval is odd.
            now = time.monotonic()
            base = now - (time.time() - share * interval) % interval
            due = next_tick(self.ticked_at, base, interval)
            if now >= due:
                return True
            if not alarm.wait(due):
                return False

    def tick(self) -> None:
        """Take one row, keep it, and have it told."""
        sample = self.collectors.sample()
        sample.put("agent_spool_bytes", self.spool.size())
        sample.put("agent_dropped_samples", self.spool.samples)
        columns = list(sample.values)
        if columns != self.columns:
            self.columns, self.layout = columns, layout_of(columns)
        at = round(time.time(), 3)
        row = [at, *sample.values.values()]
        extras = self._news(sample.at)
        self.spool.append(self.columns, self.layout, row, live=self.courier.connected, extras=extras)
        self.courier.ring()
        if sample.at - self.synced_at >= 1.0:
            self.synced_at = sample.at
            self.spool.sync()
        for witness in self.witnesses:
            witness.look(self, at, sample.values)

    def _news(self, now: float) -> dict[str, Any]:
        """What happened, and the facts: at the start and when they changed."""
        found: dict[str, Any] = {}
        events = self.collectors.events()
        if events:
            found["events"] = events
        news = self.collectors.news
        if self.facts_at is not None and now - self.facts_at < BETWEEN_FACTS and news == self.facts_news:
            return found
        self.facts_at, self.facts_news = now, news
        try:
            document = facts.gather(self.collectors)
        except Exception as error:  # noqa: BLE001 - facts are less than rows
            say("facts", f"Facts of this machine could not be read: {type(error).__name__}: {error}")
            return found
        digest = facts.digest(document)
        if digest != self.facts_hash:
            self.facts_hash = digest
            found["facts"] = {"hash": digest, "document": document}
        return found


def run(config: Config, *, with_parent: bool = False) -> None:
    """Run until told to stop."""
    alarm = Alarm(with_parent=with_parent)
    loop = Loop(config, alarm.poke)
    say("loop", f"Watching this machine for {config.url}, every {loop.pace.usual:g} s.")
    loop.run(alarm)


def _is_key(text: str) -> bool:
    return text.startswith("wka_") and text.isascii() and text.isprintable() and " " not in text


def _bounded(interval: float) -> float:
    return min(LONGEST, max(SHORTEST, interval))
