"""An application served in a process of its own, and raw requests to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes
    whole: bytes = field(repr=False)

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Served:
    process: subprocess.Popen[bytes]
    port: int

    def connect(self, timeout: float = 10) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def raw(self, sent: bytes, timeout: float = 10) -> Reply:
        """Send bytes, read until the server closes or the announced body is there."""
        with self.connect(timeout) as connection:
            connection.sendall(sent)
            return read(connection, head_only=sent.startswith(b"HEAD"))

    def ask(self, path: str, method: str = "GET", body: bytes = b"", headers: str = "") -> Reply:
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        return self.raw(f"{method} {path} HTTP/1.1\r\nHost: a.test\r\n{length}{headers}\r\n".encode() + body)

    def memory(self) -> float:
        """Resident MiB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        raise AssertionError("the server has no memory")

    def written(self) -> int:
        """Bytes that the server caused to be written to disk so far."""
        lines = Path(f"/proc/{self.process.pid}/io").read_text(encoding="ascii").splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("write_bytes")))

    def stop(self, sig: int = signal.SIGTERM) -> tuple[int, float]:
        """Exit status, and how long it took."""
        start = time.monotonic()
        self.process.send_signal(sig)
        return self.process.wait(15), time.monotonic() - start


def read(connection: socket.socket, *, head_only: bool = False) -> Reply:
    whole = b""
    while b"\r\n\r\n" not in whole:
        whole += _some(connection)
    head, _, body = whole.partition(b"\r\n\r\n")
    lines = head.decode("latin1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    status = int(lines[0].split()[1])
    try:
        while not (head_only or status in {204, 304} or _complete(headers, body)):
            body += _some(connection)
    except ConnectionError:
        pass
    return Reply(status, headers, body, head + b"\r\n\r\n" + body)


def _complete(headers: dict[str, str], body: bytes) -> bool:
    if "content-length" in headers:
        return len(body) >= int(headers["content-length"])
    return body.endswith(b"0\r\n\r\n")


def _some(connection: socket.socket) -> bytes:
    piece = connection.recv(1 << 18)
    if not piece:
        raise ConnectionResetError("the server closed")
    return piece


@contextmanager
def serve_tiny(*arguments: str) -> Iterator[Served]:
    """The tiny application on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.faults.tiny", str(port), *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment()
    )
    served = Served(process, port)
    assert process.stdout
    try:
        assert process.stdout.readline() == b"ready\n"
        yield served
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        process.stdout.close()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
