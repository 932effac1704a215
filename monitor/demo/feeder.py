"""Speaks for every machine of the fleet: now by live rows, and in between of what was before."""

from __future__ import annotations

import contextlib
import math
import threading
import time
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np

from monitor.demo import faults, memory
from monitor.demo.cast import Machine
from monitor.demo.columns import table
from monitor.demo.door import Answer, Door
from monitor.demo.noise import Array

INTERVAL = 10.0
INGEST = "/api/v1/ingest"
DAYS = 8.1  # a week ago, and a day around it: there is something to compare with
MARGIN = 3 * 3600  # the oldest hours would be refused as older than the retention
# The first post of a start tells this much at once: rules that wait for minutes can judge the faults of now.
WARM = 16 * 60
STEPS = ((2 * 3600, 10.0), (24 * 3600, 60.0), (math.inf, 300.0))  # how old, how far apart
ROWS = 360  # a post
AHEAD = 6  # rows of a large fleet are made at once: most of the work is the same for one row and for many
LARGE = 200
BREATH = 0.012  # between two posts of the past: the hub is starting, and people open pages
SAVE_EVERY = 60.0
LINES = 24  # kept connections, one a thread
PLENTY = 48  # machines with a whole history; more have a shorter one


class Refused(Exception):
    """The hub does not know this machine any more."""


@dataclass
class Voice:
    """One machine's way of posting."""

    machine: Machine
    key: str
    upto: float
    boot: str
    seq: int = 0
    introduced: bool = False
    layout_told: bool = False
    live_until: float = 0.0  # somebody looks: each second until then
    columns: list[str] = field(default_factory=list)
    ahead: dict[float, list[float]] = field(default_factory=dict)  # rows of the next minute, by their time

    @property
    def offset(self) -> float:
        """Machines do not all measure at the same second."""
        return float(self.machine.number * 7 % 10)


class Feeder:
    def __init__(self, door: Door, folder: Path, fleet: memory.Fleet, machines: Iterable[Machine]) -> None:
        self.door, self.folder, self.since = door, folder, fleet.since
        self.told = memory.load_told(folder)
        now = time.time()
        upto = max(self.told.upto, now - WARM)
        here = [machine for machine in machines if machine.name in fleet.keys]
        # The faults are among the first ones; of a large fleet the others begin with now, their past follows.
        self.voices = [
            Voice(machine, fleet.keys[machine.name], upto if place < PLENTY else now - INTERVAL, uuid.uuid4().hex)
            for place, machine in enumerate(here)
        ]
        whole = DAYS * 86400 * min(1.0, PLENTY / max(1, len(self.voices))) - MARGIN
        self.told.owe(max(self.told.upto, now - whole), upto if len(here) <= PLENTY else now)
        self.silent = self.voices[::-1]  # who said nothing yet, since this start
        self.turn, self.due = -1, time.monotonic()
        self.queue: list[Voice] = []  # who still has to tell the slice of the past in work
        self.slice: tuple[float, float, float] = (0.0, 0.0, INTERVAL)
        self.saved = time.monotonic()
        self.lines, self.leaving = ThreadPoolExecutor(LINES), threading.Lock()

    def run(self) -> None:
        """Until the hub knows none of them."""
        while self.voices:
            time.sleep(self.step())

    def step(self) -> float:
        """One post of now where one is due, else one of the past; how long to rest then."""
        wait = self.due - time.monotonic()
        at = time.time()
        looked_at = [voice for voice in self.voices if voice.live_until > at]
        if self.silent:
            self._together([self.silent.pop() for _ in range(min(self._side_by_side(), len(self.silent)))])
        elif due := [voice for voice in looked_at if at - voice.upto >= 1]:
            self._together(due[: self._side_by_side()])
        elif wait <= 0:
            self._together(self._whose_turn())
        elif self.queue or self.told.spans:
            self._past()
            return BREATH
        else:
            return min(wait, 0.2) if looked_at else wait
        return 0.0

    def _side_by_side(self) -> int:
        return LINES if len(self.voices) > PLENTY else 1

    def _whose_turn(self) -> list[Voice]:
        # Turns that were slept over are not made up for: a post tells all since the one before.
        now, apart, all_ = time.monotonic(), INTERVAL / len(self.voices), len(self.voices)
        self.due = max(self.due, now - INTERVAL)
        count = min(self._side_by_side(), 1 + int((now - self.due) / apart))
        self.due += count * apart
        self.turn += count
        return [self.voices[(self.turn - n) % all_] for n in range(count)]

    def _together(self, voices: list[Voice]) -> None:
        """Side by side: the hub lets posts of many wait for company, so one after the other would be few a second."""
        if len(voices) == 1:
            self._now(voices[0])
        else:
            list(self.lines.map(self._now, voices))
        if time.monotonic() - self.saved > SAVE_EVERY:
            self._save()

    def _now(self, voice: Voice) -> None:
        now = time.time()
        start = max(voice.upto, now - WARM)
        times = _grid(start, now, 1.0 if voice.live_until > now else INTERVAL, voice.offset)
        if self._say(voice, times):
            voice.upto = now

    def _past(self) -> None:
        """One machine's share of a slice; the slice is done when all told it."""
        if not self.queue:
            self.queue, self.slice = list(self.voices), self._next_slice()
        voice = self.queue.pop()
        start, end, step = self.slice
        if voice in self.voices and not self._say(voice, _grid(start, end, step, voice.offset)):
            self.queue.append(voice)
        elif not self.queue:
            self.told.told(start, end)
            self._save()

    def _next_slice(self) -> tuple[float, float, float]:
        start, end = self.told.newest()
        now = time.time()
        fits = next((old, step) for old, step in STEPS if now - end < old - 60)
        return max(start, end - ROWS * fits[1], now - fits[0]), end, fits[1]

    def _say(self, voice: Voice, times: Array) -> bool:
        """True when it need not be said again."""
        times = times[faults.speaks(voice.machine, times, self.since)]
        if not len(times):
            return True
        voice.seq += 1
        try:
            answer = self._post(voice, times)
        except ConnectionError:
            time.sleep(2.0)
            return False
        except Refused:
            self._leave()
            return True
        if answer.status in {429, 503} or answer.status >= 500:
            time.sleep(min(answer.retry or 2.0, 30.0))
            return False
        if answer.status != 200:
            print(f"{voice.machine.name}: {answer.status} {answer.document}", flush=True)  # noqa: T201 - our log
        return True

    def _leave(self) -> None:
        """One was refused: most likely all were removed, those too that have nothing to say now."""
        with self.leaving:
            for voice in list(self.voices):
                with contextlib.suppress(ConnectionError):
                    if self.door.post(INGEST, {"agent": "demo"}, voice.key).status == 401:
                        self.voices.remove(voice)

    def _post(self, voice: Voice, times: Array) -> Answer:
        columns, rows = self._table(voice, times)
        layout = sha256("\n".join(columns).encode()).hexdigest()[:16]
        document: dict[str, object] = {
            "agent": "demo", "boot": voice.boot, "seq": voice.seq, "layout": layout, "rows": rows,
        }  # fmt: skip
        if not voice.introduced:
            document["facts"] = {"hash": layout, "document": voice.machine.facts()}
        if not voice.layout_told:
            document["columns"] = columns
        answer = self.door.post(INGEST, document, voice.key)
        if answer.status == 409:
            answer = self.door.post(INGEST, {**document, "columns": columns}, voice.key)
        if answer.status == 401:
            raise Refused
        for order in answer.document.get("orders", ()):
            if order.get("kind") == "live":
                voice.live_until = float(order.get("until") or 0)
        voice.introduced = voice.layout_told = answer.status == 200 or voice.introduced
        return answer

    def _table(self, voice: Voice, times: Array) -> tuple[list[str], list[list[float]]]:
        """What it says of these times; of the next ones as well, where many wait for their turn."""
        if len(self.voices) < LARGE or len(times) > AHEAD:
            return table(voice.machine, times, self.since)
        wanted = times.tolist()
        if not all(time_ in voice.ahead for time_ in wanted):
            coming = np.concatenate([times, times[-1] + INTERVAL * np.arange(1, AHEAD + 1)])
            voice.columns, rows = table(voice.machine, coming, self.since)
            voice.ahead = {row[0]: row for row in rows}
        return voice.columns, [voice.ahead[time_] for time_ in wanted]

    def _save(self) -> None:
        self.saved = time.monotonic()
        self.told.upto = min((voice.upto for voice in self.voices), default=self.told.upto)
        memory.save(self.folder, self.told)


def _grid(start: float, end: float, step: float, offset: float) -> Array:
    """Times on a fixed grid, so that what is told twice is the same sample."""
    first = math.ceil((start - offset) / step) * step + offset
    return np.arange(first, end, step, dtype=np.float64)
