"""What many agents cost: the shipped process with every consumer on, its CPU, memory and disk read from outside.

The window is followed by a seal and a merge of an old hour, by the product's own code, so that what a sample
costs after its answer is counted too; `--hour` waits for a real hour to end instead.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bench import _peers
from bench._figures import cpu_seconds, judged, pss_mib, row, written_bytes
from bench._posts import Work
from metrics.names import layout_hash
from tests.product import Product

VALUES = 60
OLD_SERVERS = 100
WARM = 15.0
MERGED_AFTER = 1500.0  # ten minutes after the hour it begins, and is spread
RULES = ("bench_00", "bench_01", "bench_02")

MAKE = """
import json, sys
from accounts.models import Team
from alerts.models import Rule
from core import tokens
from servers.models import AgentKey, Server
team, made, count = Team.objects.get(), {{}}, {servers}
servers = Server.objects.bulk_create(
    Server(team=team, number=100 + n, name=f"bench-{{n}}", hostname=f"bench-{{n}}", fingerprint=f"bench-{{n}}")
    for n in range(count)
)
for server in servers:
    made[server.pk] = tokens.make("wka")
AgentKey.objects.bulk_create(AgentKey(server_id=pk, key=one.key, digest=one.digest) for pk, one in made.items())
Rule.objects.bulk_create(
    Rule(team=team, name=f"{{metric}} {{n}}", metric=metric, critical=1e9, critical_recover=1e8)
    for n, metric in enumerate({rules})
)
print(json.dumps([one.clear for one in made.values()]))
"""

# An hour of samples of some servers, three hours ago, sealed each five minutes as if it came live; then the merge.
# The hub is stopped: nobody reads these rows, so the readers' places are moved by hand.
OLD = """
import json, time
import numpy as np
from django.db.models import Sum
from django.db.models.functions import Length
from core.clock import milliseconds
from core.models import Cursor
from metrics import behind, blob, merging, sealing
from metrics.models import JournalRow, Layout
from servers.models import Server
layout = Layout.objects.get(hash="{layout}")
hour = milliseconds() // 3_600_000 * 3_600_000 - 3 * 3_600_000
random = np.random.default_rng(1)
servers = list(Server.objects.filter(name__startswith="bench-").values_list("pk", flat=True)[:{servers}])
walks = np.cumsum(random.normal(0, 0.5, (len(servers), 360, {values})), axis=1)
values = np.round(np.clip(50 + walks, 0, 100), 2)
times = hour + 10_000 * np.arange(360)
while sealing.step(milliseconds() + 600_000):  # what the window left: pieces shorter than the usual ones
    pass
spent = samples = 0.0
for at in range(0, 360, 30):
    JournalRow.objects.bulk_create([
        JournalRow(
            server_id=server, layout=layout, received=milliseconds() - 600_000, start=times[n], end=times[n],
            rows=blob.pack(times[n:n + 1], values[place, n:n + 1])
        )
        for n in range(at, at + 30) for place, server in enumerate(servers)
    ], batch_size=200)
    Cursor.objects.exclude(name__in=behind.OURS).update(place=JournalRow.objects.latest("pk").pk)
    waiting = JournalRow.objects.filter(pk__gt=Cursor.objects.place(behind.SEALED))
    samples += (waiting.aggregate(size=Sum(Length("rows")))["size"] or 0) / (8 * {values} + 8) * {values}
    began = time.process_time()
    while sealing.step(milliseconds() + 600_000):
        pass
    spent += time.process_time() - began
began = time.process_time()
while merging.step(milliseconds(), 0.3):
    pass
print(json.dumps({{
    "sealed": int(samples), "seal": spent,
    "merged": len(servers) * 360 * {values}, "merge": time.process_time() - began,
}}))
"""


@dataclass
class Cost:
    """What a window cost the measured processes."""

    stored: int
    cpu: float
    seconds: float
    written: int
    pss: float

    @property
    def per_sample(self) -> float:
        return self.cpu / max(1, self.stored)

    @property
    def many(self) -> bool:
        return self.stored / self.seconds > 30_000


def main() -> int:
    asked = _asked()
    with tempfile.TemporaryDirectory() as folder, Product(Path(folder) / "data") as product:
        keys = json.loads(product.manage("shell", "-v", "0", "-c", MAKE.format(servers=asked.servers, rules=RULES)))
        columns = [f"bench_{number:02}" for number in range(VALUES)]
        work = Work(f"{product.url}/api/v1/ingest", keys, columns, layout_hash(columns), asked.seconds, WARM)
        time.sleep(3)  # until the keys are read
        cost, said = measured(product.children[0].pid, work, Path(folder))
        _print(cost, said)
        later = 0.0 if asked.hour else _old_hour(product, work)
        ours = 1 / (cost.per_sample + later)
        goal = ">= 120,000" if cost.many else ">= 60,000"
        judged("samples per CPU second with seal and merge", f"{ours:,.0f}", goal)
        _compare(work, Path(folder), ours)
    return int(bool(said["errors"] or said["refused"]))


def _asked() -> argparse.Namespace:
    asked = argparse.ArgumentParser(prog="./watchkeeper bench ingest", description=__doc__, allow_abbrev=False)
    asked.add_argument("--servers", type=int, default=1000)
    asked.add_argument("--seconds", type=float, default=60.0)
    asked.add_argument("--hour", action="store_true", help="wait for the end of a real hour and what follows it")
    found = asked.parse_args()
    if found.hour:
        found.seconds = max(found.seconds, 3600 - time.time() % 3600 + MERGED_AFTER)
    return found


def measured(pid: int, work: Work, folder: Path) -> tuple[Cost, dict[str, float]]:
    """Drive the load from a child; look at the server's family when the window begins and when it ends."""
    file = folder / "work.json"
    file.touch(0o600)
    file.write_text(json.dumps(asdict(work)), encoding="utf-8")
    words = [sys.executable, "-m", "bench._posts", str(file)]
    child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(WARM + 1.0)
        cpu, written, at = cpu_seconds(pid), written_bytes(pid), time.monotonic()
        out, _ = child.communicate(timeout=work.seconds + 120)
    finally:
        child.kill()
    spent, seconds = cpu_seconds(pid) - cpu, time.monotonic() - at
    said: dict[str, float] = json.loads(out)
    return Cost(int(said["stored"]), spent, seconds, written_bytes(pid) - written, pss_mib(pid)), said


def _old_hour(product: Product, work: Work) -> float:
    """CPU seconds a sample costs to be sealed and merged."""
    product.stop()
    text = OLD.format(layout=work.layout, servers=min(OLD_SERVERS, len(work.keys)), values=VALUES)
    did = json.loads(product.manage("shell", "-v", "0", "-c", text))
    row("sealing, samples per CPU second", f"{did['sealed'] / did['seal']:,.0f}  (of {did['sealed']:,})", "-")
    row(
        "merging an hour, samples per CPU second", f"{did['merged'] / did['merge']:,.0f}  (of {did['merged']:,})", "-"
    )
    return float(did["seal"] / did["sealed"] + did["merge"] / did["merged"])


def _print(cost: Cost, said: dict[str, float]) -> None:
    many = cost.many
    row("posts, of them refused or failed", f"{said['posts']:,}, {said['refused'] + said['errors']:,}", "none")
    row("answer, seconds", f"p50 {said['p50']:.3f}  p99 {said['p99']:.3f}", "p99 <= 1")
    row("the load itself, share of a core", f"{100 * said['cpu'] / (cost.seconds + WARM):.0f} %", "-")
    judged("share of a core", f"{100 * cost.cpu / cost.seconds:.1f} %", "<= 50 %" if many else "<= 10 %")
    row("samples per CPU second, until the answer", f"{1 / cost.per_sample:,.0f}", "-")
    judged("bytes written to disk per sample", f"{cost.written / max(1, cost.stored):.0f}", "<= 80")
    judged("memory, PSS MiB", f"{cost.pss:.0f}", "<= 500" if many else "<= 250")


def _compare(work: Work, folder: Path, ours: float) -> None:
    for peer in _peers.installed():
        with _peers.started(peer, folder / peer.name) as running:
            theirs = replace(work, url=running.url, remote_write=True)
            cost, _ = measured(running.pid, theirs, folder)
        rate = 1 / cost.per_sample
        row(f"{peer.name}, samples per CPU second", f"{rate:,.0f}; we do {ours / rate:.2f} times that", "-")
    if not _peers.installed():
        print("Neither prometheus nor victoria-metrics is installed here, so nothing is compared.")


if __name__ == "__main__":
    sys.exit(main())
