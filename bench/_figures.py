"""What a process family costs, read from the outside, and rows of figures as tables."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from pathlib import Path

import psutil

NUMBER = re.compile(r"[\d.]+")
BOUND = re.compile(r"(<=|>=) ([\d.]+)")


def family(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """Of a process and its children, those that have ended in between included."""
    return sum(sum(each.cpu_times()[:4]) for each in family(pid))


def pss_mib(pid: int) -> float:
    """Proportional memory: shared pages are counted once over all who share them."""
    total = 0
    for each in family(pid):
        for line in Path(f"/proc/{each.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def written_bytes(pid: int) -> int:
    """What went to the disk."""
    found = 0
    for each in family(pid):
        for line in Path(f"/proc/{each.pid}/io").read_text().splitlines():
            if line.startswith("write_bytes:"):
                found += int(line.split()[1])
    return found


def spread(values: Sequence[float]) -> str:
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return f"p50 {statistics.median(ordered):.3f}  p95 {p95:.3f}  max {ordered[-1]:.3f}  (n={len(ordered)})"


def row(name: str, value: str, goal: str) -> None:
    print(f"{name:<42} {value:<48} goal {goal}")


def judged(name: str, value: str, goal: str) -> None:
    """The same of a value and a goal that begin with their number: says when it is missed."""
    measured, bound = NUMBER.match(value.replace(",", "")), BOUND.match(goal.replace(",", ""))
    missed = False
    if measured and bound:
        over = float(measured[0]) - float(bound[2])
        missed = over > 0 if bound[1] == "<=" else over < 0
    row(name, value, f"{goal}: MISSED" if missed else goal)
