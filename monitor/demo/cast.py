"""Who plays: names, roles, places and machines of the demo fleet, the same ones each time."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass

GIB = 1 << 30
MOST = 1000
DEFAULT = 24
LINUX = (("Debian", "12", "6.1.0-37-amd64"), ("Ubuntu", "24.04", "6.8.0-60-generic"), ("Rocky", "9.6", "5.14.0-570"))
WINDOWS = ("Windows", "Server 2022", "10.0.20348")


@dataclass(frozen=True)
class Role:
    """What machines of a role have in common; rates are bytes a second at full demand."""

    cores: int
    memory: int  # GiB
    idle: float  # per cent of CPU without demand, and at its height
    busy: float
    filled: float  # per cent of memory
    net_in: float
    net_out: float
    read: float
    write: float
    mounts: tuple[tuple[str, int, float], ...]  # where, GiB, per cent full
    night: float = 0.0  # how much of the work is done at night
    windows: bool = False
    metal: bool = False
    tags: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    check: str = ""


ROOT = ("/", 40, 38.0)
ROLES = {
    "db": Role(8, 64, 9, 52, 71, 9e6, 2.2e7, 3.5e7, 2.4e7, (ROOT, ("/var/lib/postgresql", 500, 61)), 0.25,
               metal=True, tags=("db", "critical"), check="postgres"),
    "web": Role(4, 16, 4, 58, 46, 3e6, 1.6e7, 4e5, 2.2e6, (ROOT,), tags=("web", "public"), check="http"),
    "app": Role(8, 32, 6, 61, 55, 6e6, 7e6, 9e5, 3e6, (ROOT, ("/srv", 120, 42)), tags=("app",),
                containers=("api", "jobs", "mailer"), check="http"),
    "worker": Role(8, 32, 8, 66, 48, 4e6, 2.5e6, 2.5e6, 5e6, (ROOT,), 0.45, tags=("app", "batch"),
                   containers=("worker-a", "worker-b")),
    "cache": Role(2, 32, 3, 27, 78, 1.1e7, 1.9e7, 2e4, 4e5, (ROOT,), tags=("cache",), check="redis"),
    "queue": Role(4, 16, 5, 36, 52, 5e6, 5e6, 6e5, 8e6, (ROOT, ("/var/lib/rabbitmq", 80, 23)), tags=("queue",)),
    "proxy": Role(4, 8, 4, 41, 33, 2.4e7, 2.5e7, 5e4, 9e5, (ROOT,), tags=("web", "public", "edge"), check="http"),
    "log": Role(8, 64, 10, 44, 66, 1.4e7, 2e6, 5e6, 2.6e7, (ROOT, ("/data", 2000, 68)), 0.3, metal=True,
                tags=("logging",)),
    "backup": Role(4, 16, 2, 49, 29, 8e7, 3e6, 2e6, 9e7, (ROOT, ("/backup", 8000, 57)), 1.0, metal=True,
                   tags=("backup",)),
    "build": Role(16, 64, 3, 79, 41, 5e6, 2e6, 1.2e7, 3e7, (ROOT, ("/var/cache", 300, 64)), tags=("ci",),
                  containers=("runner-1", "runner-2", "runner-3")),
    "dc": Role(4, 16, 5, 29, 49, 1.2e6, 1.5e6, 8e5, 9e5, (("C:\\", 100, 47),), windows=True, tags=("windows", "ad")),
    "sql": Role(8, 64, 11, 55, 82, 7e6, 1.5e7, 2.6e7, 1.7e7, (("C:\\", 100, 44), ("D:\\", 600, 66)), 0.2,
                windows=True, metal=True, tags=("windows", "db")),
    "files": Role(4, 16, 4, 33, 44, 1.2e7, 2.1e7, 9e6, 8e6, (("C:\\", 100, 39), ("E:\\", 4000, 71)), windows=True,
                  tags=("windows",)),
}  # fmt: skip

FIRST = ("db", "web", "worker", "app", "cache", "queue", "web", "dc", "proxy", "db", "app", "web", "log", "sql",
         "backup", "build", "app", "cache", "worker", "files", "web", "proxy", "app", "queue")  # fmt: skip
SITES = (("Frankfurt", 1), ("New York", -5), ("Singapore", 8))
FAULTS = {"db-1": "filling", "worker-1": "runaway", "app-1": "leak", "cache-1": "silent", "queue-1": "flapping",
          "web-2": "night"}  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """One simulated server."""

    number: int
    name: str
    role: str
    site: str
    hours: int  # its people's clock ahead of UTC
    environment: str

    @property
    def kind(self) -> Role:
        return ROLES[self.role]

    @property
    def seed(self) -> int:
        return 1000 + 131 * self.number

    @property
    def fault(self) -> str:
        return FAULTS.get(self.name, "")

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"watchkeeper demo {self.name}".encode()).hexdigest()

    @property
    def tags(self) -> list[str]:
        return list(self.kind.tags)

    def facts(self) -> dict[str, dict[str, object]]:
        """The document a real agent would send."""
        name, version, kernel = WINDOWS if self.kind.windows else LINUX[self.number % len(LINUX)]
        family = "windows" if self.kind.windows else "linux"
        model = "AMD EPYC 9354P 32-Core Processor" if self.kind.metal else "Intel Xeon Processor (Icelake)"
        return {
            "host": {"name": self.name, "architecture": "AMD64" if self.kind.windows else "x86_64",
                     "virtual": not self.kind.metal},
            "os": {"name": name, "version": version, "kernel": kernel, "family": family},
            "cpu": {"model": model, "cores": self.kind.cores, "threads": self.kind.cores},
            "memory": {"total_bytes": self.kind.memory * GIB, "swap_total_bytes": 2 * GIB},
            "agent": {"version": "demo", "python": "3.12.3"},
        }  # fmt: skip


def machines(count: int) -> list[Machine]:
    """The first so many; a larger fleet begins with the same ones."""
    seen: Counter[str] = Counter()
    made = []
    for number in range(count):
        role = FIRST[number % len(FIRST)]
        seen[role] += 1
        site, hours = SITES[(number // 2) % 3] if number % 5 else SITES[0]
        environment = "staging" if number % 24 in {18, 22} else "production"
        made.append(Machine(number, f"{role}-{seen[role]}", role, site, hours, environment))
    return made
