"""Slow collectors, asked on their own periods by threads of their own; a sample takes their last values."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from watchkeeper_agent.collectors.base import Document, Guarded, read
from watchkeeper_agent.collectors.child import end_all
from watchkeeper_agent.config import replace
from watchkeeper_agent.errors import say
from watchkeeper_agent.jitter import between
from watchkeeper_agent.sample import Counters, Number, Sample

FIRST_COLUMNS, NEXT_COLUMNS = 20.0, 60.0
BETWEEN_WAKES = 5.0
MOST_EVENTS = 200


class Slow(Guarded):
    """One slow collector with what it found last and when it is due."""

    def __init__(self, name: str, one: Any, period: float, now: float) -> None:
        super().__init__(name, one)
        self.period = period
        self.counters = Counters()
        # The first look comes soon, the longest periods last: a start should not be a burst.
        self.due = now + min(period, 600.0) / 20 * between(0.5, 1.5)
        self.values: dict[str, Number | None] = {}
        self.fresh_until = 0.0
        self.facts: Document = {}
        self.told = ""

    def look(self, now: float) -> None:
        sample, began = Sample(now, self.counters), time.monotonic()
        found = self.collect(sample)
        took = time.monotonic() - began
        self.period = float(getattr(self.one, "period", self.period))  # a dear one may have slowed down
        self.due = now + took + self.period * between(0.9, 1.1)
        self.values = sample.values if found else {}
        # One look may be late or in vain; what is older is not true any more.
        self.fresh_until = self.due + self.period * 1.2 + float(getattr(self.one, "patience", 30.0))


class Background:
    """All slow collectors of this machine. `lanes` are threads: one that waits holds up its own lane alone."""

    def __init__(self, slow: list[Slow], began: float, memory: str = "") -> None:
        self.slow = slow
        self.memory = memory
        self._remember()
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.threads: list[threading.Thread] = []
        self.lanes: set[str] | None = None  # of the threads; none before the start
        self.next_wake = began
        self.news = 0
        self.shown: list[str] = []
        self.next_columns = began + FIRST_COLUMNS
        self._events: list[dict[str, Any]] = []

    def start(self) -> None:
        self.lanes = set()
        self._wake()

    def _wake(self) -> None:
        """A thread for each lane that has something to ask by now; folders may be made while the agent runs."""
        if self.lanes is None or self.stopping.is_set():
            return
        wanted = {_lane(slow) for slow in self.slow if _needed(slow)}
        for lane in sorted(wanted - self.lanes):
            self.lanes.add(lane)
            thread = threading.Thread(target=self._run, args=(lane,), name=f"collect {lane}", daemon=True)
            self.threads.append(thread)
            thread.start()

    def stop(self, within: float = 1.0) -> None:
        self.stopping.set()
        end_all()
        until = time.monotonic() + within
        for thread in self.threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _run(self, lane: str) -> None:
        mine = [slow for slow in self.slow if _lane(slow) == lane]
        while not self.stopping.wait(max(0.05, min(slow.due for slow in mine) - time.monotonic())):
            self.step(time.monotonic(), mine)

    def step(self, now: float, mine: list[Slow] | None = None) -> None:
        """Ask those that are due."""
        for slow in self.slow if mine is None else mine:
            if slow.due <= now and not self.stopping.is_set():
                slow.look(now)
                self._keep(slow)
                now = max(now, time.monotonic()) if mine else now

    def _keep(self, slow: Slow) -> None:
        facts = getattr(slow.one, "facts", {})
        if not slow.reason:
            # A section that is not named counts as not looked at: one that went is told as empty.
            facts = {**{section: {} for section in slow.facts}, **facts}
        events = getattr(slow.one, "events", None)
        # One that cannot tell now has not seen anything go: what is known of it stays.
        changed = facts != slow.facts and (bool(facts) or not slow.reason)
        with self.lock:
            if changed:
                slow.facts = dict(facts)
            if changed or slow.reason != slow.told:
                slow.told = slow.reason
                self.news += 1
                self._save()
            if events:
                self._events = (self._events + events)[-MOST_EVENTS:]
                events.clear()

    def _remember(self) -> None:
        """What was known before this start: a restart must not look as if everything had gone and come back."""
        try:
            known = json.loads(read(self.memory) or "{}") if self.memory else {}
            for slow in self.slow:
                facts, reason = known.get(slow.name, ({}, ""))
                slow.facts, slow.reason = {str(part): dict(pairs) for part, pairs in facts.items()}, str(reason)
                slow.told = slow.reason
        except (ValueError, TypeError, AttributeError):
            return  # damaged: it is made anew

    def _save(self) -> None:
        if not self.memory or not self.threads:
            return
        known = {slow.name: (slow.facts, slow.told) for slow in self.slow if slow.facts or slow.told}
        try:
            replace(self.memory, json.dumps(known))
        except OSError as error:
            say(
                "collected", f"{self.memory} cannot be written ({error.strerror}); facts are told anew at each start."
            )

    def events(self) -> list[dict[str, Any]]:
        """What happened since this was asked last."""
        with self.lock:
            told, self._events = self._events, []
        return told

    @property
    def looked(self) -> bool:
        """Whether each was asked once since this start, so that it is known what cannot be seen here."""
        return all(slow.fresh_until or not _needed(slow) for slow in self.slow)

    def facts(self) -> Document:
        found: Document = {}
        with self.lock:
            for slow in self.slow:
                for section, pairs in slow.facts.items():
                    found.setdefault(section, {}).update(pairs)
        return found

    def put(self, sample: Sample) -> None:
        """The last values, while they are fresh.

        New columns make a new layout at the hub, so they join once a minute; one without a value is null till then.
        """
        if sample.at >= self.next_wake:
            self.next_wake = sample.at + BETWEEN_WAKES
            self._wake()
        now: dict[str, Number | None] = {}
        for slow in self.slow:
            if sample.at <= slow.fresh_until:
                now.update(slow.values)
        if sample.at >= self.next_columns:
            self.next_columns = sample.at + NEXT_COLUMNS
            self.shown = sorted(now)
        for name in self.shown:
            sample.values.setdefault(name, now.get(name))


def _needed(slow: Slow) -> bool:
    """What was known of it before this start is looked at once more, as it may be gone."""
    idle = getattr(slow.one, "idle", None)
    return not (idle and idle()) or any(slow.facts.values()) or bool(slow.told)


def _lane(slow: Slow) -> str:
    return str(getattr(slow.one, "lane", "slow"))
