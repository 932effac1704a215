"""The same values to another time series store by remote write, where one is installed on this machine."""

from __future__ import annotations

import contextlib
import shutil
import struct
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cramjam

from tests.services import free_port

HEAD = (
    "content-encoding: snappy\r\ncontent-type: application/x-protobuf\r\nx-prometheus-remote-write-version: 0.1.0\r\n"
)


@dataclass(frozen=True)
class Peer:
    """A store that takes remote write, and how it is started in a folder of its own."""

    name: str
    programs: tuple[str, ...]
    words: tuple[str, ...]
    path: str
    health: str


PEERS = (
    Peer(
        "Prometheus", ("prometheus",),
        (
            "--config.file={folder}/none.yml", "--storage.tsdb.path={folder}/data",
            "--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
        ),
        "/api/v1/write", "/-/ready",
    ),
    Peer(
        "VictoriaMetrics", ("victoria-metrics-prod", "victoria-metrics"),
        ("-storageDataPath={folder}/data", "-httpListenAddr=127.0.0.1:{port}"),
        "/api/v1/write", "/health",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Running:
    name: str
    pid: int
    url: str


def installed() -> list[Peer]:
    return [peer for peer in PEERS if _program(peer)]


def _program(peer: Peer) -> str | None:
    return next((found for name in peer.programs if (found := shutil.which(name))), None)


@contextlib.contextmanager
def started(peer: Peer, folder: Path) -> Iterator[Running]:
    folder.mkdir()
    (folder / "none.yml").write_text("{}\n", encoding="utf-8")
    port = free_port()
    words = [word.format(folder=folder, port=port) for word in peer.words]
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen([str(_program(peer)), *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}{peer.health}")
        yield Running(peer.name, child.pid, f"http://127.0.0.1:{port}{peer.path}")
    finally:
        child.terminate()
        child.wait(20)


def _wait(url: str) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own loopback address
                return
        except (OSError, urllib.error.URLError):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def write_request(server: int, columns: list[str], at: float, values: list[float]) -> bytes:
    """One post as Prometheus sends it: protobuf in a snappy block."""
    body = bytearray()
    stamp = b"\x10" + _varint(round(at * 1000))
    for column, value in zip(columns, values, strict=True):
        labels = _label("__name__", column) + _label("instance", f"bench-{server}")
        body += _part(0x0A, labels + _part(0x12, b"\x09" + struct.pack("<d", value) + stamp))
    return bytes(cramjam.snappy.compress_raw(bytes(body)))


def _label(name: str, value: str) -> bytes:
    return _part(0x0A, _part(0x0A, name.encode()) + _part(0x12, value.encode()))


def _part(tag: int, body: bytes) -> bytes:
    return bytes([tag]) + _varint(len(body)) + body


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
