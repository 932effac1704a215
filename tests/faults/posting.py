"""Agents that keep exact account of what was acknowledged, and send again what was not: reordered, doubled, late."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import time
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from metrics.names import Labels, layout_hash, parse

Key = tuple[str, Labels]
Cell = float | None
PATIENCE = 30.0
HOUR = 3_600_000
PAST_HOURS = 60
COLUMNS = (
    "cpu_used_percent", "memory_used_percent", 'disk_used_percent{mount="/"}', 'disk_used_percent{mount="/mnt/ä b"}',
    "load1", "chaos_wide", "chaos_seldom",
)  # fmt: skip
LAYOUTS = ((0, 1, 2, 4), (0, 1, 2, 3, 4, 5), (4, 2, 1, 0), (6, 0))


@dataclass
class Batch:
    """Rows under one identity, which never change once they were sent."""

    boot: str
    seq: int
    columns: list[str]
    rows: list[list[Any]]
    accepted: int | None = None


@dataclass
class Told:
    """What was seen by all agents of a run."""

    acknowledged: int = 0
    values: int = 0
    repeats: int = 0
    cut: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


class Line:
    """One kept connection to whichever address is asked; it is opened anew when it breaks."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, int], tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}

    async def post(self, address: tuple[str, int], head: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._post(address, head, body)
        except (OSError, EOFError, TimeoutError):
            if held := self.held.pop(address, None):
                held[1].transport.abort()
            raise

    async def _post(self, address: tuple[str, int], head: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if address not in self.held:
            self.held[address] = await asyncio.open_connection(*address)
        reader, writer = self.held[address]
        writer.write(
            f"POST /api/v1/ingest HTTP/1.1\r\nHost: hub\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        )
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        return int(lines[0].split()[1]), headers, await reader.readexactly(int(headers.get("content-length", 0)))

    def close(self) -> None:
        for _, writer in self.held.values():
            writer.transport.abort()
        self.held.clear()


class Agent:
    """One simulated machine. `steady` ones tell each time once; others tell some again, with another value."""

    def __init__(self, name: str, server: str, key: str, told: Told, seed: str) -> None:
        self.name, self.server, self.key, self.told = name, server, key, told
        self.dice = random.Random(seed)
        self.steady = self.dice.random() < 0.5
        self.boot, self.seq = uuid.UUID(int=self.dice.getrandbits(128)).hex, 0
        self.waiting: list[Batch] = []
        self.done: list[Batch] = []
        self.truth: dict[Key, dict[int, float]] = defaultdict(dict)
        self.used: set[int] = set()
        self.live = 0
        self.running = True

    # -- making rows

    def make(self) -> Batch:
        """A new batch: of the present second by second, of some hour of the past, or of times already told."""
        chance = self.dice.random()
        if chance < 0.03:  # started anew: numbers begin again under another boot
            self.boot, self.seq = uuid.UUID(int=self.dice.getrandbits(128)).hex, 0
        columns = [COLUMNS[place] for place in self.dice.choice(LAYOUTS)]
        if not self.steady and self.done and chance > 0.85:
            times = self._again()
        elif chance > 0.6:
            times = self._past(self.dice.randint(1, 40))
        else:
            times = self._present()
        self.seq += 1
        return Batch(self.boot, self.seq, columns, [[at / 1000, *map(self._cell, columns)] for at in times])

    def _present(self) -> list[int]:
        now = int(time.time() * 1000)
        first = max(self.live + 1000, now - 20_000)
        times = [at for at in range(first, now, 1000) if at not in self.used][:20] or [now]
        self.live = times[-1]
        return self._take(times)

    def _past(self, count: int) -> list[int]:
        now = int(time.time() * 1000)
        begin = now - self.dice.randint(HOUR, PAST_HOURS * HOUR)
        times = list(range(begin, begin + 1000 * count, 1000))
        if self.dice.random() < 0.3:
            self.dice.shuffle(times)
        return self._take(times)

    def _again(self) -> list[int]:
        """Of a batch that is acknowledged, and of which nothing else is on its way."""
        moving = {round(row[0] * 1000) for batch in self.waiting for row in batch.rows}
        times = [round(row[0] * 1000) for row in self.dice.choice(self.done).rows]
        return [at for at in times if at not in moving] or self._present()

    def _take(self, times: list[int]) -> list[int]:
        fresh = [at for at in times if at not in self.used] or [times[-1] + self.dice.randint(1, 999)]
        self.used.update(fresh)
        return fresh

    def _cell(self, column: str) -> Cell:
        if self.dice.random() < 0.03:
            return None
        if column == "chaos_wide":
            return self.dice.choice((-0.0, 1e300, -1e-300, self.dice.gauss(0, 1e9), float(self.dice.getrandbits(53))))
        return round(self.dice.uniform(0, 100), 2)

    # -- telling them

    async def lane(self, addresses: list[tuple[str, int]], pause: float) -> None:
        """One of an agent's connections: several work at once, so that batches overtake each other."""
        line = Line()
        try:
            while self.running or self.waiting:
                await self._turn(line, addresses)
                await asyncio.sleep(self.dice.uniform(0, 2 * pause) if self.running else 0.01)
        finally:
            line.close()

    async def _turn(self, line: Line, addresses: list[tuple[str, int]]) -> None:
        address = self.dice.choice(addresses)
        if self.running and self.done and self.dice.random() < 0.15:
            await self._send(line, address, self.dice.choice(self.done))  # it never heard the answer, say
        elif self.waiting and (not self.running or len(self.waiting) > 6 or self.dice.random() < 0.4):
            await self._send(line, address, self.dice.choice(self.waiting))
        elif self.running:
            batch = self.make()
            self.waiting.append(batch)
            if self.dice.random() < 0.8:  # else it is overtaken
                await self._send(line, address, batch)

    async def _send(self, line: Line, address: tuple[str, int], batch: Batch) -> None:
        columns = self.dice.random() < 0.3
        try:
            status, headers, answer = await line.post(address, *self._written(batch, columns))
            if status == 409:
                status, headers, answer = await line.post(address, *self._written(batch, True))
        except (OSError, EOFError, TimeoutError):
            self.told.cut += 1
            await asyncio.sleep(self.dice.uniform(0.05, 0.4))
            return
        self.told.statuses[status] += 1
        if status == 200:
            self._acknowledged(batch, json.loads(answer))
        elif status == 503 and "retry-after" in headers:
            await asyncio.sleep(self.dice.uniform(0.1, 0.6))
        elif status != 200:
            self._fault(f"{status} {answer[:200]!r}")

    def _written(self, batch: Batch, columns: bool) -> tuple[str, bytes]:
        post = {
            "agent": "chaos", "boot": batch.boot, "seq": batch.seq, "layout": layout_hash(batch.columns),
            "rows": batch.rows, **({"columns": batch.columns} if columns else {}),
        }  # fmt: skip
        head, body = f"Authorization: Bearer {self.key}\r\n", json.dumps(post).encode()
        if self.dice.random() < 0.2:
            return head + "Content-Encoding: gzip\r\n", gzip.compress(body, 1)
        return head, body

    def _acknowledged(self, batch: Batch, answer: dict[str, Any]) -> None:
        whole = sum(cell is not None for row in batch.rows for cell in row[1:])
        if (answer["ack"], answer["accepted"], answer["refused"]) != (batch.seq, whole, []):
            self._fault(f"{whole} values of {batch.seq} were answered with {answer}")
        if batch.accepted is not None:
            self.told.repeats += 1
            return
        batch.accepted = whole
        self.waiting.remove(batch)
        self.done = [*self.done[-40:], batch]
        self.told.acknowledged += 1
        self.told.values += whole
        for row in batch.rows:
            for column, cell in zip(batch.columns, row[1:], strict=True):
                if cell is not None:
                    self.truth[parse(column)][round(row[0] * 1000)] = cell

    def _fault(self, text: str) -> None:
        if len(self.told.faults) < 20:
            self.told.faults.append(f"{self.name}: {text}")


async def drain(agents: list[Agent], seconds: float) -> None:
    """Nothing new; what waits is sent until it is acknowledged."""
    for agent in agents:
        agent.running = False
    end = time.monotonic() + seconds
    while any(agent.waiting for agent in agents):
        assert time.monotonic() < end, f"{sum(len(agent.waiting) for agent in agents)} batches are never taken"
        await asyncio.sleep(0.1)
