"""The load of `bench ingest`, in a process of its own: agents that post at their intervals, each at its moment."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import numpy as np
import uvloop

from bench import _peers

INTERVAL = 10.0
MOST_CONNECTIONS = 2000
TRIES = 5


@dataclass
class Told:
    """What became of the posts of the measured time."""

    posts: int = 0
    stored: int = 0
    refused: int = 0
    errors: int = 0
    waits: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Work:
    """What to send, where and for how long; read from a file, as keys do not belong on a command line."""

    url: str
    keys: list[str]
    columns: list[str]
    layout: str
    seconds: float
    warm: float
    remote_write: bool = False


class Fleet:
    """Values of all servers: walks, rounded as agents round them."""

    def __init__(self, servers: int, width: int) -> None:
        self.random = np.random.default_rng(1)
        self.now = self.random.uniform(0, 100, (servers, width))

    def next(self, server: int) -> list[float]:
        self.now[server] = np.clip(self.now[server] + self.random.normal(0, 0.5, self.now.shape[1]), 0, 100)
        values: list[float] = np.round(self.now[server], 2).tolist()
        return values


class Line:
    """One kept connection; its users wait for each other."""

    def __init__(self, host: str, port: int) -> None:
        self.address = host, port
        self.lock = asyncio.Lock()
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        async with self.lock:
            if self.streams is None:
                self.streams = await asyncio.open_connection(*self.address)
            reader, writer = self.streams
            try:
                writer.write(b"%scontent-length: %d\r\n\r\n%s" % (head, len(body), body))
                lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
                size = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
                return int(lines[0].split()[1]), await reader.readexactly(size)
            except (OSError, EOFError):
                self.streams = None
                raise


class Load:
    def __init__(self, work: Work) -> None:
        self.work = work
        parts = urlsplit(work.url)
        self.path = parts.path
        self.lines = [
            Line(str(parts.hostname), parts.port or 80) for _ in range(min(len(work.keys), MOST_CONNECTIONS))
        ]
        self.fleet = Fleet(len(work.keys), len(work.columns))
        self.told = Told()
        self.began = time.time() + 1.0
        self.measured = self.began + work.warm
        self.end = self.measured + work.seconds

    async def run(self) -> Told:
        await asyncio.gather(*(self._agent(server) for server in range(len(self.work.keys))))
        return self.told

    async def _agent(self, server: int) -> None:
        boot, seq = uuid.uuid4().hex, 0
        due = self.began + INTERVAL * server / len(self.work.keys)
        while due < self.end:
            await asyncio.sleep(max(0.0, due - time.time()))
            await self._post(server, self._body(server, boot, seq, due), due)
            seq, due = seq + 1, due + INTERVAL

    def _body(self, server: int, boot: str, seq: int, due: float) -> bytes:
        if self.work.remote_write:
            return _peers.write_request(server, self.work.columns, due, self.fleet.next(server))
        post = {
            "agent": "bench", "boot": boot, "seq": seq, "layout": self.work.layout,
            "rows": [[round(due, 3), *self.fleet.next(server)]],
        }  # fmt: skip
        return msgspec.json.encode(post if seq else {**post, "columns": self.work.columns})

    async def _post(self, server: int, body: bytes, due: float) -> None:
        line = self.lines[server % len(self.lines)]
        head = f"POST {self.path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {self.work.keys[server]}\r\n"
        head += _peers.HEAD if self.work.remote_write else ""
        for _ in range(TRIES):
            try:
                status, answer = await line.ask(head.encode(), body)
            except (OSError, EOFError):
                continue
            if status == 503:
                await asyncio.sleep(1.0)
                continue
            self._take(due, status, answer)
            return
        self.told.errors += 1

    def _take(self, due: float, status: int, answer: bytes) -> None:
        if not self.measured <= due < self.end:
            return
        self.told.posts += 1
        self.told.waits.append(time.time() - due)
        if self.work.remote_write and status in {200, 204}:
            self.told.stored += len(self.work.columns)
        elif status == 200:
            said = msgspec.json.decode(answer)
            self.told.stored += said["accepted"]
            self.told.refused += len(said["refused"])
        else:
            self.told.errors += 1


def main(path: str) -> int:
    work = Work(**json.loads(Path(path).read_text(encoding="utf-8")))

    async def load() -> Told:
        return await Load(work).run()

    told = uvloop.run(load())
    waits = sorted(told.waits) or [0.0]
    print(json.dumps({
        "posts": told.posts, "stored": told.stored, "refused": told.refused, "errors": told.errors,
        "cpu": time.process_time(), "p50": waits[len(waits) // 2], "p99": waits[int(len(waits) * 0.99)],
    }))  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
