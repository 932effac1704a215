"""Containers by the Docker or Podman socket; their use from the kernel's control groups where these are readable."""

from __future__ import annotations

import json
import os
import socket
from typing import Any

from watchkeeper_agent.collectors.base import Absent, Document, collector, read
from watchkeeper_agent.collectors.options import Options
from watchkeeper_agent.sample import Sample

PATIENCE = 5.0
MOST_BYTES, MOST_CONTAINERS = 4 << 20, 100
GROUPS = "/sys/fs/cgroup"
# Where each engine and driver puts a container's group, below version 2's one tree or version 1's tree of a resource.
PLACES = (
    "system.slice/docker-{id}.scope",
    "docker/{id}",
    "machine.slice/libpod-{id}.scope",
    "machine.slice/libpod-{id}.scope/container",
    "libpod_parent/libpod-{id}",
)


def ask(path: str, question: str) -> Any:
    """One GET over a unix socket; the answer's JSON."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(PATIENCE)
        line.connect(path)
        line.sendall(f"GET {question} HTTP/1.0\r\nHost: engine\r\nConnection: close\r\n\r\n".encode())
        parts: list[bytes] = []
        size = 0
        while True:
            part = line.recv(65536)
            if not part:
                break
            parts.append(part)
            size += len(part)
            if size > MOST_BYTES:
                raise ValueError(f"more than {MOST_BYTES >> 20} MiB of answer")
    head, _, body = b"".join(parts).partition(b"\r\n\r\n")
    status = head.split(None, 2)[1:2]
    if status != [b"200"]:
        raise ValueError(f"{question} was answered {status[0].decode() if status else 'with nothing'}")
    if b"transfer-encoding: chunked" in head.lower():
        body = _joined(body)
    return json.loads(body)


def _joined(body: bytes) -> bytes:
    parts: list[bytes] = []
    place = 0
    while True:
        end = body.index(b"\r\n", place)
        size = int(body[place:end].partition(b";")[0], 16)
        if not size:
            return b"".join(parts)
        parts.append(body[end + 2 : end + 2 + size])
        place = end + 4 + size


@collector("containers", period=20.0)
class Containers:
    """Processor time as per cent of one core, memory without the page cache that can be given back."""

    def __init__(self) -> None:
        self.sockets: list[str] = []
        self.spent: dict[str, tuple[float, float]] = {}  # of those that run: others are forgotten
        self.facts: Document = {}
        self.trouble = ""
        self.period = 20.0

    def configure(self, options: Options) -> None:
        self.sockets = options.containers

    def collect(self, sample: Sample) -> None:
        here = [path for path in self.sockets if os.path.exists(path)]
        if not here:
            self.facts = {}
            self.period = 300.0
            raise Absent("")
        self.period = 20.0
        listed: dict[str, tuple[str, dict[str, Any]]] = {}
        for path in here:
            try:
                for one in ask(path, "/containers/json?all=1"):
                    listed.setdefault(_name(one), (path, one))
            except PermissionError as error:
                raise Absent(f"{path} is not ours to read: add the agent's user to the socket's group.") from error
        self._tell(sample, listed)

    def _tell(self, sample: Sample, listed: dict[str, tuple[str, dict[str, Any]]]) -> None:
        running = {name: one for name, one in sorted(listed.items()) if one[1].get("State") == "running"}
        sick = [one for _, one in running.values() if "(unhealthy)" in str(one.get("Status"))]
        sample.put("containers_running", len(running))
        sample.put("containers_stopped", len(listed) - len(running))
        sample.put("containers_unhealthy", len(sick))
        spent: dict[str, tuple[float, float]] = {}
        for name, (path, one) in list(running.items())[:MOST_CONTAINERS]:
            identity = str(one.get("Id"))
            # It becomes a part of paths.
            used = (_group(identity) or _stats(path, identity)) if identity.isalnum() else None
            if used is None:
                continue
            spent[identity] = (used[0], sample.at)
            sample.put("container_cpu_percent", self._share(identity, used[0], sample.at), 2, container=name)
            sample.put("container_memory_bytes", used[1], container=name)
        self.spent = spent
        more = len(running) - MOST_CONTAINERS
        self.trouble = f"{more} containers beyond {MOST_CONTAINERS} are not measured." if more > 0 else ""
        images = {name: str(one.get("Image"))[:200] for name, (_, one) in sorted(listed.items())[:MOST_CONTAINERS]}
        self.facts = {"containers": dict(images)}

    def _share(self, identity: str, spent: float, at: float) -> float | None:
        before = self.spent.get(identity)
        if before is None or at <= before[1] or spent < before[0]:
            return None
        return 100 * (spent - before[0]) / (at - before[1])


def _name(one: dict[str, Any]) -> str:
    names = one.get("Names") or [str(one.get("Id"))[:12]]
    return str(names[0]).lstrip("/")[:100]


def _group(identity: str) -> tuple[float, int] | None:
    """Seconds of processor and bytes of memory from the control group, version 2 or 1."""
    for place in PLACES:
        folder = f"{GROUPS}/{place.format(id=identity)}"
        spent = read(f"{folder}/cpu.stat").partition("usage_usec ")[2].split(None, 1)
        held = read(f"{folder}/memory.current")
        if spent and held:
            return int(spent[0]) / 1e6, int(held) - _idle(read(f"{folder}/memory.stat"), "inactive_file ")
        old = f"{GROUPS}/{{}}/{place.format(id=identity)}"
        nanoseconds = read(old.format("cpuacct") + "/cpuacct.usage")
        held = read(old.format("memory") + "/memory.usage_in_bytes")
        if nanoseconds and held:
            idle = _idle(read(old.format("memory") + "/memory.stat"), "total_inactive_file ")
            return int(nanoseconds) / 1e9, int(held) - idle
    return None


def _idle(text: str, name: str) -> int:
    fields = text.partition(f"{name}")[2].split(None, 1)
    return int(fields[0]) if fields else 0


def _stats(path: str, identity: str) -> tuple[float, int] | None:
    """The same from the engine itself: dearer, needed where the groups are not to be seen."""
    try:
        told = ask(path, f"/containers/{identity}/stats?stream=false&one-shot=true")
        memory = told["memory_stats"]
        details = memory.get("stats") or {}
        idle = details.get("inactive_file", details.get("total_inactive_file", 0))
        return told["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9, int(memory["usage"]) - int(idle)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # it has ended meanwhile
