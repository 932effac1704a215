"""Real faults on this machine, made by stress-ng: how soon is it called unusual, and is the true metric named?

A fresh hub watches this machine, learns fifteen calm minutes, then each fault is made some times with calm between.
It takes hours with five rounds, and a machine with nothing else to do.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench._figures import row, spread
from tests.product import Product

CALM = 15 * 60
BETWEEN = 180  # seconds of calm after a fault, in which its echo leaves the windows that are looked at
LASTS = 75
BAR = 60.0
FLOOD = """
import socket, sys, time
end = time.monotonic() + float(sys.argv[1])
out, to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
to.bind(("127.0.0.1", 0))
while time.monotonic() < end:
    for _ in range(200):
        out.sendto(bytes(1200), to.getsockname())
    time.sleep(0.005)
"""


@dataclass(frozen=True)
class Fault:
    """What is done to the machine, and the beginnings of the metrics that would be a true word about it."""

    name: str
    words: tuple[str, ...]
    true: tuple[str, ...]


def faults(folder: Path) -> tuple[Fault, ...]:
    lasts = f"{LASTS}s"
    stress = ("stress-ng", "--temp-path", str(folder), "--timeout", lasts, "--quiet")
    return (
        Fault("CPU hog", (*stress, "--cpu", "2"), ("cpu_", "load", "pressure_cpu")),
        Fault(
            "disk filler", (*stress, "--fallocate", "1", "--fallocate-bytes", "2g"),
            ("disk_", "pressure_io", "cpu_iowait"),
        ),
        Fault(
            "memory leak", (*stress, "--vm", "1", "--vm-bytes", "30%", "--vm-hang", "0"),
            ("memory_", "swap_", "pressure_memory"),
        ),
        Fault("fork burst", (*stress, "--fork", "2", "--fork-max", "60"), ("process", "threads", "cpu_", "load")),
        Fault("I/O storm", (*stress, "--hdd", "2", "--hdd-bytes", "256m"), ("disk_", "pressure_io", "cpu_iowait")),
        Fault("loopback flood", (sys.executable, "-c", FLOOD, str(LASTS)), ("net_", "cpu_system", "cpu_")),
    )  # fmt: skip


def main() -> int:
    asked = argparse.ArgumentParser(prog="./watchkeeper bench noticed", description=__doc__, allow_abbrev=False)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--calm", type=int, default=CALM, help="seconds before the first fault")
    asked.add_argument("--between", type=int, default=BETWEEN, help="seconds of calm after each fault")
    asked.add_argument("--only", help="one fault by a part of its name")
    given = asked.parse_args()
    if not shutil.which("stress-ng"):
        print("stress-ng is not here. On Debian and Ubuntu the package of that name brings it.")
        return 2
    seconds: list[float] = []
    made = named = 0
    with tempfile.TemporaryDirectory() as folder, Product(Path(folder) / "data") as product:
        token = product.api_token()
        _learn(product, token, given.calm)
        _settle(product, token)
        for _round in range(given.rounds):
            for fault in faults(Path(folder)):
                if given.only and given.only not in fault.name:
                    continue
                soon, top = _notice(product, token, fault)
                true = any(one.startswith(fault.true) for one in top)
                made, named = made + 1, named + (true and soon is not None)
                if soon is not None:
                    seconds.append(soon)
                print(
                    f"{fault.name:15} {'never' if soon is None else f'{soon:5.1f} s'}  {', '.join(top)}", flush=True
                )
                time.sleep(given.between)
                _settle(product, token)
    if not made:
        print(f"No fault is called {given.only}.")
        return 2
    in_time = sum(one <= BAR for one in seconds)
    row("faults noticed within a minute", f"{in_time} of {made}", ">= 90 %")
    row("noticed, the true metric among the five named", f"{named} of {made}", ">= 90 %")
    if seconds:
        row("fault to score above 1, seconds", spread(seconds), "<= 60")
    return 0


def _learn(product: Product, token: str, calm: int) -> None:
    """Until there is a model of this machine; before that nothing can be unusual."""
    time.sleep(calm)
    end = time.monotonic() + 600
    while not [one for one in _now(product, token) if one["stage"] != "waiting" and one["score"] is not None]:
        if time.monotonic() > end:
            raise AssertionError(f"no score after {calm + 600} s: {_now(product, token)}")
        time.sleep(5)


def _settle(product: Product, token: str) -> None:
    """Until the last fault's echo is over: what is unusual already cannot be noticed."""
    end = time.monotonic() + 600
    while any((one["score"] or 0.0) >= 1.0 for one in _now(product, token)) and time.monotonic() < end:
        time.sleep(5)


def _now(product: Product, token: str) -> list[dict[str, Any]]:
    found = product.request("GET", "/api/v1/anomalies/now", token=token).json()
    return list(found)


def _notice(product: Product, token: str, fault: Fault) -> tuple[float | None, list[str]]:
    """Seconds until the score was above its limit, and what was named while the fault went on."""
    soon, named = None, {}
    with _made(fault.words) as began:
        while time.monotonic() - began < LASTS:
            for one in _now(product, token):
                if (one["score"] or 0.0) >= 1.0:
                    soon = soon or time.monotonic() - began
                    named = {reason["column"]: reason["share"] for reason in one["top"]}
            time.sleep(1)
    return soon, sorted(named, key=lambda column: -named[column])


@contextmanager
def _made(words: tuple[str, ...]) -> Iterator[float]:
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield time.monotonic()
    finally:
        child.terminate()
        child.wait(30)


if __name__ == "__main__":
    sys.exit(main())
