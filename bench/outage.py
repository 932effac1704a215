"""The hub away under a hundred agents of the real code: nothing is missing, and its return is no storm."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench._figures import cpu_seconds, row
from tests.faults.chaos import enroller
from tests.product import Product

WARM, USUAL, WINDOW = 20.0, 40.0, 10


def main() -> int:
    asked = _asked()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Product(folder / "data") as product:
            return _run(product, folder, asked)


def _asked() -> argparse.Namespace:
    asked = argparse.ArgumentParser(prog="./watchkeeper bench outage", description=__doc__, allow_abbrev=False)
    asked.add_argument("--agents", type=int, default=100)
    asked.add_argument(
        "--away", type=float, default=180.0, help="seconds; at a row a second, 180 stand for half an hour"
    )
    asked.add_argument("--after", type=float, default=120.0, help="seconds that are watched after the return")
    return asked.parse_args()


def _run(product: Product, folder: Path, asked: argparse.Namespace) -> int:
    token, enrol = product.api_token(), enroller(product)
    machines = [enrol(f"outage-{number}") for number in range(asked.agents)]
    work = folder / "work.json"
    work.touch(0o600)
    work.write_text(
        json.dumps({"url": product.url, "keys": [key for _, key in machines], "folder": str(folder / "spools")})
    )
    words = [sys.executable, "-m", "bench._outage", str(work)]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as child:
        try:
            moments = _story(product, asked)
            work.with_suffix(".stop").touch()
            said = json.loads(child.communicate(timeout=400)[0])
        finally:
            child.kill()
    _load(said["posts"], moments)
    return _compare(product, token, [server for server, _ in machines], said)


def _story(product: Product, asked: argparse.Namespace) -> dict[str, Any]:
    """Usual load, a power cut, silence, the return; with what the processor did before and after."""
    time.sleep(WARM)
    began, spent = time.time(), cpu_seconds(product.children[0].pid)
    time.sleep(USUAL)
    usual = (cpu_seconds(product.children[0].pid) - spent) / USUAL
    gone = time.time()
    product.kill()
    time.sleep(asked.away)
    product.start()
    back, after = time.time(), []
    for _ in range(int(asked.after / WINDOW)):
        spent = cpu_seconds(product.children[0].pid)
        time.sleep(WINDOW)
        after.append((cpu_seconds(product.children[0].pid) - spent) / WINDOW)
    return {"began": began, "gone": gone, "back": back, "usual": usual, "after": after}


def _load(posts: dict[str, int], moments: dict[str, Any]) -> None:
    def between(start: float, end: float) -> float:
        return sum(count for at, count in posts.items() if start <= int(at) < end) / (end - start)

    usual = between(moments["began"] + 1, moments["gone"] - 1)
    back = moments["back"]
    after = [between(back + at, back + at + WINDOW) for at in range(0, WINDOW * len(moments["after"]), WINDOW)]
    row("posts a second, usually", f"{usual:.1f}", "-")
    row("after the return, each 10 s", " ".join(f"{100 * (load / usual - 1):+.0f}%" for load in after), "<= +10 %")
    row("all of that time together", f"{100 * (sum(after) / len(after) / usual - 1):+.1f} %", "<= +10 %")
    row("share of a core, usually", f"{100 * moments['usual']:.1f} %", "-")
    row("after the return, each 10 s", " ".join(f"{100 * share:.0f}%" for share in moments["after"]), "-")


def _compare(product: Product, token: str, servers: list[str], said: dict[str, Any]) -> int:
    missing = doubled = strange = 0
    for server, rows in zip(servers, said["rows"], strict=True):
        query = {"server": server, "metric": "cpu_used_percent", "start": rows[0] - 10, "end": rows[-1] + 10}
        found = product.request("GET", f"/api/v1/series?{urlencode(query)}", token=token).json()
        have = dict(zip(found["t"], found["series"][0]["v"], strict=True))
        wanted = {at: float(number) for number, at in enumerate(rows)}
        missing += len(wanted.keys() - have.keys())
        doubled += len(found["t"]) - len(have)
        strange += len(have.keys() - wanted.keys()) + sum(
            have.get(at, value) != value for at, value in wanted.items()
        )
    rows = sum(map(len, said["rows"]))
    row(
        f"{rows} rows of {len(servers)} agents",
        f"{missing} missing, {doubled} doubled, {strange} strange, {said['waiting']} wait, {said['dropped']} dropped",
        "0 each",
    )
    return int(bool(missing or doubled or strange or said["waiting"] or said["dropped"]))


if __name__ == "__main__":
    sys.exit(main())
