"""What one agent costs at a row in 10 s and in 1 s; `kill` and `power [SEED] [postgres]` end it at random."""

from __future__ import annotations

import json
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench._figures import cpu_seconds, pss_mib, row
from core.tls import ensure
from tests.agent.hub import Said, TinyHub
from tests.product import Product
from tests.services import _create
from tests.services import running as running_services

AGENT = Path(__file__).parents[1] / "agent"
SECONDS = {10: 60, 1: 30}
WARM = 50
PEERS = ("collectd", "telegraf", "prometheus-node-exporter")


def main() -> int:
    if sys.argv[1:] == ["kill"]:
        return max(kills(seed) for seed in (1, 2, 3))
    if sys.argv[1:2] == ["power"]:
        words = sys.argv[2:]
        seeds = [int(word) for word in words if word.isdigit()] or [1, 2, 3]
        return max(power(seed, postgres="postgres" in words) for seed in seeds)
    with tempfile.TemporaryDirectory() as folder:
        for interval, goal in ((10, "<= 0.06"), (1, "<= 0.4")):
            for secure in (False, True):
                cost(Path(folder) / f"{interval}-{secure}", interval, goal, secure=secure)
    found = [peer for peer in PEERS if shutil.which(peer)]
    row("peers on this machine", ", ".join(found) or "none installed, so no ratio", "-")
    return 0


def cost(folder: Path, interval: int, goal: str, *, secure: bool) -> None:
    folder.mkdir()
    certificate = ensure(folder, ["127.0.0.1"]) if secure else None
    with TinyHub(asking(interval), certificate) as hub:
        config = written(folder, hub.url, interval, str(certificate.ca) if certificate else None)
        with running(config) as child:
            time.sleep(WARM)  # the first facts, and the first look at what is asked once an hour
            spent, at = cpu_seconds(child.pid), time.monotonic()
            threads = own_cpu(child.pid)
            time.sleep(SECONDS[interval])
            seconds = time.monotonic() - at
            share = 100 * (own_cpu(child.pid) - threads) / seconds
            children = 100 * (cpu_seconds(child.pid) - spent) / seconds
            status = Path(f"/proc/{child.pid}/status").read_text()
            rss = next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))
            pss = pss_mib(child.pid)
    name = f"{'https' if secure else 'http'}, a row in {interval} s"
    row(f"{name}: CPU, % of a core", f"{share:.3f} (with children {children:.3f})", goal)
    row(f"{name}: RSS, PSS in MiB", f"{rss:.1f}, {pss:.1f}", "<= 20, <= 10")
    row(f"{name}: values in a row", str(len(hub.batches[-1]["rows"][0]) - 1 if hub.batches else 0), "-")


def own_cpu(pid: int) -> float:
    """User and system seconds of the one process, to the nanosecond where the kernel tells."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def asking(interval: float) -> Any:
    def script(_path: str, document: dict[str, Any]) -> Said:
        answer = {"ack": document["seq"], "accepted": 1, "refused": [], "interval": interval, "orders": []}
        return 200, {}, answer

    return script


def written(folder: Path, url: str, interval: float, ca: str | None) -> Path:
    config = folder / "agent.json"
    config.write_text(json.dumps({"url": url, "server": "s", "key": "wka_a.b", "interval": interval, "ca": ca}))
    return config


@contextmanager
def running(config: Path) -> Iterator[subprocess.Popen[bytes]]:
    words = [sys.executable, "-m", "watchkeeper_agent", "run", "--config", str(config)]
    environment = {"PYTHONPATH": str(AGENT), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MALLOC_ARENA_MAX": "1"}
    child = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


class Ledger:
    """A hub that keeps what a durable one would; now and then it fails, before or after keeping."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.batches: dict[tuple[str, int], list[float]] = {}
        self.changed = 0

    def __call__(self, _path: str, document: dict[str, Any]) -> Said:
        chance = self.dice.random()
        if chance < 0.15:
            return 503, {"Retry-After": "0"}, {}
        identity, times = (document["boot"], document["seq"]), [one[0] for one in document["rows"]]
        self.changed += self.batches.setdefault(identity, times) != times
        if chance < 0.25:
            return 502, {}, b"kept, and the answer was lost"
        return 200, {}, {"ack": document["seq"], "accepted": 1, "refused": [], "interval": 1, "orders": []}


def kills(seed: int, times: int = 20, longest: float = 3.5) -> int:
    """Kill -9 again and again: every row the agent wrote down arrives, each once."""
    dice = random.Random(seed)
    ledger = Ledger(dice)
    with tempfile.TemporaryDirectory() as name, TinyHub(ledger) as hub:
        folder = Path(name)
        config = written(folder, hub.url, 1, None)
        document = json.loads(config.read_text())
        config.write_text(json.dumps(document | {"metric_log": {"files": 2}}))
        for _ in range(times):
            with running(config):
                time.sleep(dice.uniform(0.3, longest))
        ledger.dice = Calm()
        with running(config):
            end = time.monotonic() + 60
            while not (folder / "metrics.jsonl").exists() and time.monotonic() < end:
                time.sleep(0.2)  # a machine with much else to do killed it each time before its first row
            time.sleep(1.5)  # it looks at least once more
            while missing(folder, ledger, settled=0.5) and time.monotonic() < end:
                time.sleep(0.2)
        lost = missing(folder, ledger, settled=2.0)
    told = Counter(at for rows in ledger.batches.values() for at in rows)
    doubled = [at for at, count in told.items() if count > 1]
    row(f"seed {seed}: {times} kills", f"{len(told)} rows, {len(lost)} lost, {len(doubled)} doubled", "0, 0")
    row(f"seed {seed}: batches that changed under their number", str(ledger.changed), "0")
    return 1 if lost or doubled or ledger.changed or len(told) < times // 2 else 0


def power(seed: int, times: int = 20, *, postgres: bool = False) -> int:
    """Kill -9 of the real hub and of its agent by turns of chance; then the hub's store against the local log."""
    dice = random.Random(seed)
    environment: dict[str, Any] = {"DATABASE_URL": empty_postgres()} if postgres else {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        product = Product(folder / "data", **environment).start()
        token = product.api_token()
        server, key = product.enrol("power")
        product.request("PATCH", f"/api/v1/servers/{server}", {"interval": 1}, token=token)
        config = written(folder, product.url, 1, None)
        document = json.loads(config.read_text())
        config.write_text(json.dumps(document | {"server": server, "key": key, "metric_log": {"files": 2}}))
        began = time.time()
        hub_kills = 0
        for _ in range(times):
            with running(config):
                time.sleep(dice.uniform(1.5, 5.0))
                if dice.random() < 0.5:
                    hub_kills += 1
                    product.kill()
                    time.sleep(dice.uniform(0.0, 2.0))
                    product.start()
        with running(config):
            end = time.monotonic() + 120
            while (lost := absent(product, server, token, folder, began)) and time.monotonic() < end:
                time.sleep(1)
        times_there = stored(product, server, token, began)
        product.stop()
    doubled = len(times_there) - len(set(times_there))
    row(
        f"{'PostgreSQL' if postgres else 'SQLite'}, seed {seed}: {times} kills of the agent, {hub_kills} of the hub",
        f"{len(times_there)} rows, {len(lost)} lost, {doubled} doubled", "0, 0",
    )  # fmt: skip
    return 1 if lost or doubled or len(times_there) < times else 0


def empty_postgres() -> str:
    base, _, _ = running_services.postgres().rpartition("/")
    url = f"{base}/watchkeeper_{secrets.token_hex(4)}"
    _create(url)
    return url


def stored(product: Product, server: str, token: str, began: float) -> list[float]:
    query = f"server={server}&metric=memory_total_bytes&start={began - 60}&end={time.time() + 60}"
    found: list[float] = product.request("GET", f"/api/v1/series?{query}", token=token).json()["t"]
    return found


def absent(product: Product, server: str, token: str, folder: Path, began: float) -> set[float]:
    there = {round(at, 3) for at in stored(product, server, token, began)}
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    logged = {round(float(json.loads(line)["t"]), 3) for line in lines if line.endswith("}}")}
    return {at for at in logged if at < time.time() - 5} - there


class Calm(random.Random):
    """No more trouble."""

    def random(self) -> float:
        return 1.0


def missing(folder: Path, ledger: Ledger, settled: float) -> set[float]:
    """Rows of the local log, written after the spool had them, that the hub does not have yet."""
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    whole = [line for line in lines if line.endswith("}}")]
    logged = {float(json.loads(line)["t"]) for line in whole}
    return {at for at in logged if at < time.time() - settled} - {at for one in ledger.batches.values() for at in one}


if __name__ == "__main__":
    sys.exit(main())
