"""What the six questions of a dashboard cost: asked over HTTP of the shipped process, its CPU read from outside.

A day of rows is told through the door first, one each five minutes; then the hours that are over are merged, as they
are in a hub that runs. What the hub does meanwhile for itself is measured before and taken off.
"""

from __future__ import annotations

import argparse
import http.client
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench._figures import cpu_seconds, judged
from bench.ingest import MAKE
from metrics.names import layout_hash
from tests.product import Product

MERGE = """
import json, time
from core.clock import milliseconds
from core.models import Cursor
from metrics import merging, sealing
from metrics.models import JournalRow
until = time.monotonic() + 60
more = True
while more and time.monotonic() < until:
    time.sleep(0.1)
    more = merging.step(milliseconds(), 1.0)
left = JournalRow.objects.filter(pk__gt=Cursor.objects.place(sealing.SEALED)).count()
print(json.dumps(more or left > {few}))
"""
FEW, MOST_ROUNDS = 200, 12  # rows that the hub's own agent may have told meanwhile; minutes
VALUES = 60
STEP = 300
DAY = 86_400
AT_ONCE = 96  # rows of one post
QUIET = 5.0
LATEST = ",".join(f"bench_{number:02}" for number in range(5))


def main() -> int:
    asked = argparse.ArgumentParser(prog="./watchkeeper bench query", description=__doc__, allow_abbrev=False)
    asked.add_argument("--servers", type=int, default=1000)
    asked.add_argument("--repeat", type=int, default=20)
    asked.add_argument("--unmerged", action="store_true", help="ask at once, while all of it waits to be merged")
    found = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder, Product(Path(folder) / "data") as product:
        keys = json.loads(product.manage("shell", "-v", "0", "-c", MAKE.format(servers=found.servers, rules=())))
        time.sleep(3)  # until the keys are read
        _tell_a_day(product, keys)
        if not found.unmerged:
            _merge(product)
        token = product.api_token()
        listed = product.request("GET", "/api/v1/servers?size=1000", token=token).json()["results"]
        ids = [server["id"] for server in listed if server["name"].startswith("bench-")]
        own = _own_share(product)
        for name, paths, goal in _questions(ids[: found.repeat], int(time.time())):
            _ask(product, token, name, paths * -(-found.repeat // len(paths)), goal, own)
    return 0


def _merge(product: Product) -> None:
    """The hub seals by its own clock and merges a little at a time; this hurries it."""
    for _ in range(MOST_ROUNDS):
        if not json.loads(product.manage("shell", "-v", "0", "-c", MERGE.format(few=FEW))):
            return
        time.sleep(10)


def _tell_a_day(product: Product, keys: Sequence[str]) -> None:
    """Walks, rounded as agents round; the newest row is of now."""
    columns = [f"bench_{number:02}" for number in range(VALUES)]
    random, now = np.random.default_rng(1), time.time() // 10 * 10
    times = now - STEP * np.arange(DAY // STEP)[::-1]
    line = http.client.HTTPConnection("127.0.0.1", product.port, timeout=60)
    for key in keys:
        walks = np.cumsum(random.normal(0, 0.5, (len(times), VALUES)), axis=0)
        rows = np.column_stack([times, np.round(np.clip(50 + walks, 0, 100), 2)]).tolist()
        for place in range(0, len(rows), AT_ONCE):
            body = {"layout": layout_hash(columns), "columns": columns, "rows": rows[place : place + AT_ONCE]}
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            line.request("POST", "/api/v1/ingest", json.dumps(body), headers)
            answer = line.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"The hub refused a post with {answer.status}.")
    line.close()


def _own_share(product: Product) -> float:
    """CPU a second that the hub takes while nobody asks."""
    began, at = cpu_seconds(product.children[0].pid), time.monotonic()
    time.sleep(QUIET)
    return (cpu_seconds(product.children[0].pid) - began) / (time.monotonic() - at)


def _questions(ids: Sequence[str], end: int) -> list[tuple[str, list[str], str]]:
    def series(seconds: int, points: int) -> list[str]:
        asked = f"metric=bench_00&start={end - seconds}&end={end}&points={points}"
        return [f"/api/v1/series?server={server}&{asked}" for server in ids]

    day = f"metric=bench_00&start={end - DAY}&end={end}"
    return [
        ("one series, 1 h", series(3600, 1000), "<= 3"),
        ("one series, 24 h, 300 points", series(DAY, 300), "<= 5"),
        ("newest of 5 metrics, all servers", [f"/api/v1/fleet/latest?metrics={LATEST}"], "<= 10"),
        ("the 10 worst over 1 h", ["/api/v1/fleet/top?metric=bench_00&window=3600&k=10"], "<= 5"),
        (
            "one metric, all servers, 24 h",
            [f"/api/v1/fleet/range?{day}"],
            "<= 10",
        ),
        ("what else moved, all servers, 1 h", [f"/api/v1/moved?from={end - 3600}&to={end}"], "<= 2000"),
    ]


def _ask(product: Product, token: str, name: str, paths: Sequence[str], goal: str, own: float) -> None:
    pid, size = product.children[0].pid, 0
    product.request("GET", paths[0], token=token)
    began, at = cpu_seconds(pid), time.monotonic()
    for path in paths:
        answer = product.request("GET", path, token=token)
        if answer.status != 200:
            raise SystemExit(f"{path} was answered with {answer.status}.")
        size = len(answer.body)
    spent = cpu_seconds(pid) - began - own * (time.monotonic() - at)
    judged(f"{name}, CPU ms", f"{1000 * spent / len(paths):.1f}  ({size / 1000:,.0f} kB)", goal)


if __name__ == "__main__":
    raise SystemExit(main())
