"""Buckets of many servers turned round: from all series of a server to all servers of a series. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from metrics import rollups
from metrics.rollups import Rolled

BLOCK = 256  # servers that share a blob

Item = tuple[int, Rolled]  # a server and its series


def by_series(items: Sequence[Item]) -> Iterator[tuple[int, Rolled]]:
    """A series and its buckets over all these servers, in order of the series."""
    found: dict[int, list[Rolled]] = defaultdict(list)
    groups = _alike(items)
    repeated = len({server for server, _ in items}) < len(items)  # one that sent very much comes in helpings
    together = rollups.add if repeated else rollups.join
    for group in groups:
        for series, rolled in _turned(group):
            found[series].append(rolled)
    for series in sorted(found):
        yield series, together(found[series])


def _alike(items: Sequence[Item]) -> list[list[Item]]:
    """Servers of the same series and times, each server once a group: they can be stacked."""
    groups: dict[tuple[bytes, bytes, int], list[Item]] = defaultdict(list)
    seen: dict[int, int] = defaultdict(int)
    for server, rolled in items:
        groups[rolled.t.tobytes(), rolled.series.tobytes(), seen[server]].append((server, rolled))
        seen[server] += 1
    return list(groups.values())


def _turned(group: list[Item]) -> Iterator[tuple[int, Rolled]]:
    group.sort(key=lambda item: item[0])
    servers = np.array([server for server, _ in group], np.int64)
    first = group[0][1]
    low, high, mean, count = (
        np.stack([getattr(rolled, kind) for _, rolled in group], axis=1) for kind in ("low", "high", "mean", "count")
    )
    for place, series in enumerate(first.series.tolist()):
        known = count[:, :, place].any(axis=0)
        if known.all():
            yield series, Rolled(first.t, servers, *(kind[:, :, place] for kind in (low, high, mean, count)))
        elif known.any():
            kinds = (kind[:, known, place] for kind in (low, high, mean, count))
            yield series, Rolled(first.t, servers[known], *kinds)
