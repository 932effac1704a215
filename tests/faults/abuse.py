"""Hostile connections of every kind against one server, and an honest request timed meanwhile.

python -m tests.faults.abuse URL SECONDS    the witness alone: prints its times and failures as JSON
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

KINDS = ("slowloris", "slowbody", "idle", "bighead", "bigbody", "trailers", "pipeline")


@dataclass
class Report:
    times: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    lives: list[float] = field(default_factory=list)
    held: int = 0
    memory: float = 0.0

    @property
    def p95(self) -> float:
        """Milliseconds."""
        ordered = sorted(self.times)
        return ordered[int(len(ordered) * 0.95)] * 1000 if ordered else float("inf")

    def __str__(self) -> str:
        last = max(self.lives, default=0.0)
        return (
            f"p95 {self.p95:.1f} ms of {len(self.times)}, failed {dict(self.failed)}, answers {dict(self.answers)}, "
            f"dropped {len(self.lives)} within {last:.1f} s, held {self.held}, memory {self.memory:+.1f} MiB"
        )


class Attack:
    """`count` connections of one kind for `seconds`."""

    def __init__(self, kind: str, url: str, target: str, *, count: int, seconds: float) -> None:
        self.kind = kind
        self.url = url
        self.target = urlsplit(target)
        self.count = count
        self.end = time.monotonic() + seconds
        self.report = Report()

    async def run(self) -> Report:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._witness())
            for _ in range(self.count):
                group.create_task(self._bad())
        return self.report

    async def _witness(self) -> None:
        """In a process of its own: here 500 attackers would make it wait for themselves."""
        command = [sys.executable, "-m", "tests.faults.abuse", self.url, str(self.end - time.monotonic())]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
        found = json.loads(out)
        self.report.times = found["times"]
        self.report.failed = Counter(found["failed"])

    async def _bad(self) -> None:
        start = time.monotonic()
        writer = None
        try:
            reader, writer = await asyncio.open_connection(self.target.hostname, self.target.port)
            listener = asyncio.create_task(self._listen(reader))
            await self._send(writer, listener)
            if listener.cancel():
                self.report.held += 1
                return
        except OSError:
            pass
        finally:
            if writer:
                writer.transport.abort()
        self.report.lives.append(time.monotonic() - start)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with suppress(OSError, ValueError):
            line = await reader.readline()
            if line:
                self.report.answers[int(line.split()[1])] += 1
            while await reader.read(65536):
                pass

    async def _send(self, writer: asyncio.StreamWriter, listener: asyncio.Task[None]) -> None:
        """Go on until the server has closed or the time is over."""
        start, piece, pause = _script(self.kind, self.target)
        writer.write(start)
        while time.monotonic() < self.end and not listener.done():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)


def _script(kind: str, target: SplitResult) -> tuple[bytes, bytes, float]:
    """What is sent first, what is sent again and again, and the pause between."""
    head = f"POST {target.path} HTTP/1.1\r\nHost: {target.netloc}\r\n".encode()
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
    return {
        "slowloris": (head, b"X-A: b\r\n", 0.5),
        "slowbody": (head + b"Content-Length: 1000000\r\n\r\n", b" ", 0.5),
        "idle": (b"", b"", 0.5),
        "bighead": (head, b"X-A: " + b"b" * 8000 + b"\r\n", 0.001),
        "bigbody": (chunked, b"10000\r\n" + b" " * 65536 + b"\r\n", 0.001),
        "trailers": (chunked + b"1\r\n \r\n0\r\n", b"X-A: " + b"b" * 8000 + b"\r\n", 0.001),
        "pipeline": (b"", f"GET {target.path} HTTP/1.1\r\nHost: a\r\n\r\n".encode() * 500, 0.01),
    }[kind]


async def ask(url: SplitResult, headers: str = "") -> int:
    """A plain request on a connection of its own; its status."""
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    try:
        writer.write(f"GET {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n{headers}\r\n".encode())
        whole = await reader.read()
        return int(whole.split(b" ", 2)[1]) if whole else 0
    except IndexError:
        return 0
    finally:
        writer.close()


async def honest(url: str, count: int, *, key: str, rounds: int, pause: float) -> Counter[int]:
    """Agents: a connection each, opened at once, a post now and then over the same connection."""
    target, found = urlsplit(url), Counter[int]()
    lines = f"POST {target.path} HTTP/1.1", f"Host: {target.netloc}", f"Authorization: {key}", "Content-Length: 5"
    post = "\r\n".join(lines).encode() + b"\r\n\r\nhello"

    async def agent() -> None:
        reader, writer = await asyncio.open_connection(target.hostname, target.port)
        try:
            for _ in range(rounds):
                writer.write(post)
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 15)
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
                await reader.readexactly(int(length.split(b":")[1]))
                found[int(head.split()[1])] += 1
                await asyncio.sleep(pause)
        finally:
            writer.close()

    ended = await asyncio.gather(*(agent() for _ in range(count)), return_exceptions=True)
    found[0] = sum(isinstance(each, BaseException) for each in ended)
    return found


async def witness(url: str, seconds: float) -> str:
    times: list[float] = []
    failed = Counter[str]()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.monotonic()
        try:
            status = await asyncio.wait_for(ask(urlsplit(url)), 5)
            times.append(time.monotonic() - start)
            if status != 200:
                failed[str(status)] += 1
        except (OSError, EOFError, TimeoutError) as error:
            failed[type(error).__name__] += 1
        await asyncio.sleep(0.05)
    return json.dumps({"times": times, "failed": failed})


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(witness(sys.argv[1], float(sys.argv[2]))))
