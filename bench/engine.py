"""What judging costs: rows as the journal gives them, 200 rules over 1,000 servers, all in one thread's CPU."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

import numpy as np

from bench import _figures as figures

STEP, START = 10_000, 1_795_000_000_000
ROUNDS = 30
COLUMNS = [
    *("cpu_used_percent", "cpu_iowait_percent", "load1", "load5", "memory_used_percent", "swap_used_percent"),
    *("pressure_cpu_percent", "pressure_memory_percent", "pressure_io_percent", "processes", "uptime_seconds"),
    *(f'cpu_core_used_percent{{core="{core}"}}' for core in range(8)),
    *(f'disk_used_percent{{mount="/{name}"}}' for name in ("", "home", "var", "srv")),
    *(f'disk_inodes_used_percent{{mount="/{name}"}}' for name in ("", "home", "var", "srv")),
    *(f'disk_util_percent{{device="sd{name}"}}' for name in "abcd"),
    *(f'net_errors_per_second{{nic="eth{number}"}}' for number in range(4)),
    *(f"app_figure_{number}" for number in range(24)),
]


def main() -> int:
    asked = argparse.ArgumentParser(prog="./watchkeeper bench engine", description=__doc__, allow_abbrev=False)
    asked.add_argument("--servers", type=int, default=1000)
    asked.add_argument("--rules", type=int, default=200)
    found = asked.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "monitor.settings")
    import django

    django.setup()
    of_replay()
    for share, name in ((0.0, "calm"), (0.01, "1 % of the values broken"), (0.05, "5 % broken")):
        of_sieve(found.servers, found.rules, share, name)
    return 0


def of_replay() -> None:
    """One series over 30 days, as the editor of rules asks for it."""
    from alerts import engine

    random = np.random.default_rng(1)
    count = 30 * 8640
    values = np.clip(40 + np.cumsum(random.normal(0, 0.5, count)) % 50, 0, 100)
    times = START + STEP * np.arange(count)
    limits = engine.Limits(above=True, warn=85, warn_recover=80, critical=95, critical_recover=90, wait=60_000)
    began = time.process_time()
    moves = engine.run(times, values, limits)
    spent = time.process_time() - began
    figures.row(f"replay of 30 days of one series, {len(moves)} moves, ms", f"{1000 * spent:.0f}", "-")


def of_sieve(servers: int, rules: int, share: float, name: str) -> None:
    from alerts import engine
    from alerts.sieve import Marks, sift

    book, rows, judged = _made(servers, rules, share)
    tracks: dict[tuple[int, int, int], engine.Track] = {}
    marks = Marks()
    moved = candidates = 0
    began = time.process_time()
    for group in rows:
        sifted = sift(group, book, tracks)
        for one in sifted.candidates:
            before = tracks.get(one.key, engine.Track())
            after = engine.step(before, one.at, one.value, one.rule.limits)
            moved += (after.state, after.severity) != (before.state, before.severity)
            if after.state == "ok":
                tracks.pop(one.key, None)
            else:
                tracks[one.key] = after
        candidates += len(sifted.candidates)
        marks.move(sifted.blocks)
    spent = time.process_time() - began
    looked = f"{100 * candidates / (judged * len(rows)):.2f} % looked at closely, {moved} moves"
    rate = judged * len(rows) / spent / 1e6
    figures.judged(
        f"{servers} servers, {rules} rules, {name}", f"{rate:.1f} M/s: {looked}", ">= 5" if share < 0.05 else "-"
    )


def _rules(count: int, servers: set[int]) -> dict[str, list[Any]]:
    """Each over one series: of the usual ones, some with a `for`, some that must recover further down."""
    import uuid
    from collections import defaultdict

    from alerts.compiled import Compiled, label_test
    from alerts.engine import Limits
    from metrics.store import parse

    found = defaultdict(list)
    for number in range(count):
        metric, labels = parse(COLUMNS[number % len(COLUMNS)])
        wait = number % 3 * 20_000
        limits = Limits(above=True, warn=85, warn_recover=80, critical=97, critical_recover=90, wait=wait)
        fits = label_test(dict(labels))
        rule = Compiled(number, uuid.uuid4(), "threshold", "sampled", metric, limits, fits, servers, 0.0, True, None)
        found[metric].append(rule)
    return found


def _made(servers: int, rules: int, share: float) -> tuple[Any, list[list[Any]], int]:
    """A book without a database, and a group of rows for every ten seconds."""
    from alerts.compiled import Book
    from metrics.journal import Row
    from metrics.store import Known

    series = np.arange(1, len(COLUMNS) + 1)
    layout = Known(1, "0" * 16, COLUMNS, series, {column: place for place, column in enumerate(COLUMNS)})
    book = Book()
    book.by_metric = _rules(rules, set(range(servers)))
    judged = servers * len(book.plan(layout).plans)
    random = np.random.default_rng(2)
    groups = []
    for turn in range(ROUNDS):
        values = random.uniform(0, 80, (servers, len(COLUMNS)))
        # What is broken stays so for a while, on the same servers.
        if share:
            worst = np.random.default_rng(turn // 10).random(values.shape) < share
            values[worst] = 95
        at = START + STEP * turn
        groups.append(
            [Row(turn * servers + n, n, layout, at + 5, np.array([at]), values[n : n + 1]) for n in range(servers)]
        )
    return book, groups, judged


if __name__ == "__main__":
    sys.exit(main())
