"""Asked inside the product's own environment: does the store hold these values, and buckets of them, and no others?

`manage shell -c "from tests.faults.stored import main; main('truth.json')"` prints what is wrong, a line each.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

HOUR, DAY = 3_600_000, 86_400_000
Truth = dict[int, dict[int, float]]  # series, time in milliseconds, value


def main(path: str) -> None:
    found = wrong(path)
    print(json.dumps({"faults": found[:40], "count": len(found)}))  # noqa: T201 - its answer to who started it


def wrong(path: str) -> list[str]:
    asked = json.loads(Path(path).read_text(encoding="utf-8"))
    settle(asked["seconds"])
    truth = {server: named(told["values"]) for server, told in by_server(asked["servers"]).items()}
    steady = {server for server, told in by_server(asked["servers"]).items() if told["steady"]}
    return [*values(truth), *buckets(truth), *fleets(truth, steady)]


def settle(seconds: float) -> None:
    """Until all that was posted is sealed, and all that is due is merged."""
    from core.models import Cursor
    from metrics.models import Chunk, Dirty, JournalRow

    newest, end = JournalRow.objects.order_by("-pk").values_list("pk", flat=True).first() or 0, time.time() + seconds

    def waits() -> dict[str, Any]:
        now = int(time.time() * 1000)
        return {
            "unsealed": max(0, newest - Cursor.objects.place("sealed")),
            "unmerged": Chunk.objects.filter(tier=0, merged=False, span__lt=now - HOUR - 15 * 60_000).count(),
            "marks": Dirty.objects.filter(due__lte=now + 5000).count(),
        }

    while any((left := waits()).values()):
        assert time.time() < end, f"it does not come to rest: {left}"
        time.sleep(0.3)


def by_server(told: dict[str, Any]) -> dict[int, Any]:
    from servers.models import Server

    known = {str(uuid): pk for uuid, pk in Server.objects.values_list("uuid", "pk")}
    return {known[uuid]: one for uuid, one in told.items()}


def named(told: dict[str, dict[str, float]]) -> Truth:
    from metrics.layouts import layouts
    from metrics.names import layout_hash

    columns = list(told)
    series = layouts.learn(layout_hash(columns), columns).series.tolist() if columns else []
    return {
        one: {int(at): value for at, value in told[column].items()}
        for one, column in zip(series, columns, strict=True)
    }


def values(truth: dict[int, Truth]) -> Iterator[str]:
    from metrics import chunks
    from metrics.models import Series

    every = list(Series.objects.values_list("pk", flat=True))
    for server, told in truth.items():
        found = chunks.raw(server, every, 0, 2**52)
        for series in found.keys() | told.keys():
            times, numbers = found.get(series, (np.array([], np.int64), np.array([])))
            have = dict(zip(times.tolist(), numbers.tolist(), strict=True))
            yield from different(f"server {server} series {series}", have, told.get(series, {}))


def different(where: str, have: dict[Any, Any], wanted: dict[Any, Any]) -> Iterator[str]:
    for at in sorted(have.keys() | wanted.keys()):
        if repr(have.get(at)) != repr(wanted.get(at)):
            yield f"{where} at {at}: {have.get(at)} instead of {wanted.get(at)}"


def bucketed(told: dict[int, float], tier: int) -> dict[int, tuple[float, float, int]]:
    found: dict[int, list[float]] = defaultdict(list)
    for at, value in told.items():
        found[at - at % (tier * 1000)].append(value)
    return {at: (min(some) + 0.0, max(some) + 0.0, len(some)) for at, some in found.items()}


def buckets(truth: dict[int, Truth]) -> Iterator[str]:
    from metrics import chunks

    for server, told in truth.items():
        for tier in (300, 3600):
            found = chunks.rolled(server, list(told), 0, 2**52, tier)
            for series, wanted in told.items():
                one = found.get(series)
                have = {} if one is None else {
                    at: (low + 0.0, high + 0.0, count)
                    for at, low, high, count in zip(
                        one.t.tolist(), one.low.tolist(), one.high.tolist(), map(int, one.count), strict=True
                    )
                }  # fmt: skip
                yield from different(f"tier {tier} server {server} series {series}", have, bucketed(wanted, tier))


def fleets(truth: dict[int, Truth], steady: set[int]) -> Iterator[str]:
    """Side by side; hours that are not merged yet count a time twice that was told twice, so only of steady ones."""
    from metrics import chunks

    merged = int(time.time() * 1000) - HOUR - 15 * 60_000
    merged -= merged % HOUR
    for series in {series for told in truth.values() for series in told}:
        found = chunks.fleet(series, 0, 2**52)
        have: dict[tuple[int, int], tuple[float, float, int]] = {}
        for row, column in zip(*np.nonzero(found.count), strict=True):
            key = int(found.servers[column]), int(found.t[row])
            have[key] = (
                float(found.low[row, column]) + 0.0, float(found.high[row, column]) + 0.0,
                int(found.count[row, column]),
            )  # fmt: skip
        wanted = {
            (server, at): bucket
            for server, told in truth.items()
            for at, bucket in bucketed(told.get(series, {}), 300).items()
        }
        judged = {key for key in have.keys() | wanted.keys() if key[0] in truth}
        judged = {key for key in judged if key[1] < merged or key[0] in steady}
        yield from different(
            f"fleet series {series}",
            {key: have[key] for key in judged & have.keys()},
            {key: wanted[key] for key in judged & wanted.keys()},
        )
