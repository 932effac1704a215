"""What else moved on chosen servers or the whole fleet: series ranked against the time before, bounded in time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from core.clock import milliseconds
from dashboards.anomalies import moving
from dashboards.server import ledger
from dashboards.server import moving as alone
from dashboards.server.moved import BEFORE, INSIDE, LEFT_OUT, NEAR, SHORTEST, changed
from metrics.base import TooMuch
from metrics.store import SERIES, latest, query, spoken
from servers.models import Server

__all__ = ["SHORTEST", "moved"]

Shown = dict[str, Any]
Key = tuple[str, tuple[tuple[str, str], ...]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
MOST = 24
FEW = 4  # servers of which every sample is read
LOOKED_INTO = 24  # servers of which samples are read where buckets are too wide
PATIENCE = 1.6  # seconds: what was not looked at by then is said
MINUTES, HOURS = 300, 3600
WIDE = 36 * 3_600_000  # so much in all, and buckets of an hour are fine enough
TOLD = 3  # servers whose ledger is read
PLACE = {metric: place for place, metric in enumerate(SERIES)}
# Of each process or core there are many, and what they do shows in the sums.
BORING = ("top_process_", "cpu_core_", *LEFT_OUT)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One series of one server that moved."""

    score: float
    server: int
    key: Key
    kind: str
    before: float | None
    during: float | None
    values: Floats


@dataclass
class Search:
    """A question, and what was found so far: never more than the best few."""

    start: int
    end: int
    servers: dict[int, Server]
    began: float = field(default_factory=time.monotonic)
    best: list[Candidate] = field(default_factory=list)
    groups: Counter[tuple[str, str]] = field(default_factory=Counter)
    movers: set[int] = field(default_factory=set)
    looked: int = 0
    moved: int = 0
    missed: int = 0
    t: Floats = field(default_factory=lambda: np.array([]))

    @property
    def first(self) -> int:
        return self.start - BEFORE * (self.end - self.start)

    @property
    def late(self) -> bool:
        return time.monotonic() - self.began > PATIENCE

    def count(self, metric: str, servers: Sequence[int], kinds: Sequence[str]) -> None:
        self.moved += len(servers)
        self.movers.update(servers)
        self.groups.update((metric, kind) for kind in kinds)

    def keep(self, found: Sequence[Candidate]) -> None:
        """The best of what was counted."""
        self.best = sorted([*self.best, *found], key=lambda one: (-one.score, one.server, one.key))[:MOST]


def moved(user: User, servers: Sequence[Server], start: int, end: int) -> Shown:
    search = Search(start, end, {row.pk: row for row in servers})
    if len(servers) <= FEW:
        _exactly(search, list(search.servers))
    else:
        _by_metric(search)
        if _wide(search):
            _sharpen(search)
    return _told(user, search)


def _exactly(search: Search, servers: Sequence[int]) -> None:
    """Every sample of a few servers."""
    asked = query.Range(search.first, search.end, INSIDE * (BEFORE + 1))
    for place, server in enumerate(servers):
        if place and search.late:
            search.missed += len(servers) - place
            break
        times, found = query.every(server, asked)
        keys = [key for key in found if _counts(key[0])]
        inside = times >= search.start / 1000
        ranked = alone.rank((found[key] for key in keys), inside)
        search.t = times
        search.looked += len(keys)
        for one in ranked:
            search.count(keys[one.place][0], [server], [one.kind])
        search.keep([_alone(one, server, keys[one.place], found[keys[one.place]]) for one in ranked])


def _alone(one: alone.Moved, server: int, key: Key, values: Floats) -> Candidate:
    return Candidate(one.score, server, key, one.kind, one.before, one.during, values)


def _by_metric(search: Search) -> None:
    """One metric of all servers at a time, in buckets: what is held is one metric and the best few."""
    tier = HOURS if search.end - search.first > WIDE else MINUTES
    step = tier * 1000
    first, last = search.first - search.first % step, search.end - search.end % step
    grid = np.arange(first, last + 1, step)
    inside = grid > search.start - step  # the bucket in which it begins is part of it
    if inside.sum() > moving.SHORT:
        inside = grid >= search.start  # or of neither side, where there are enough
    across = (grid < search.start) & (grid > search.start - step)
    search.t = grid / 1000
    ids = np.array(sorted(search.servers), np.int64)
    metrics = _metrics(ids.tolist())
    for place, metric in enumerate(metrics):
        if search.late:
            search.missed += len(metrics) - place
            break
        try:
            found = query.store.fleet_range(metric, first, search.end, tier, ids.tolist())
        except TooMuch:
            search.missed += 1
            continue
        for key, rolled in found.items():
            table = _table(rolled, ids, grid)
            keep = ~across | inside
            search.keep(list(_judged(search, key, table, inside, keep)))


def _judged(
    search: Search, key: Key, table: tuple[Any, Floats, Floats, Floats], inside: Any, keep: Any
) -> Iterator[Candidate]:
    servers, mean, low, high = table
    if not len(servers):
        return
    search.looked += len(servers)
    judged = moving.judge(mean[keep], low[keep], high[keep], inside[keep])
    places = np.flatnonzero(judged.score)
    search.count(key[0], servers[places].tolist(), judged.kind[places].tolist())
    # Of a fleet that moved as a whole only the first few are made into rows.
    for place in places[np.argsort(-judged.score[places], kind="stable")][:MOST].tolist():
        kind = str(judged.kind[place])
        before = None if kind == "began" else float(judged.before[place])
        during = None if kind == "stopped" else float(judged.during[place])
        yield Candidate(
            float(judged.score[place]), int(servers[place]), key, kind, before, during, mean[:, place].copy()
        )


def _table(rolled: Any, ids: Any, grid: Any) -> tuple[Any, Floats, Floats, Floats]:
    """The buckets of our servers, those without any left out."""
    mine = np.isin(rolled.series, ids)
    rows = np.searchsorted(grid, rolled.t)
    fits = (rows < len(grid)) & (rolled.t >= grid[0])
    kinds = []
    for kind in (rolled.mean, rolled.low, rolled.high):
        whole = np.full((len(grid), int(mine.sum())), np.nan)
        whole[rows[fits]] = kind[np.ix_(fits, mine)]
        kinds.append(whole)
    told = ~np.isnan(kinds[0]).all(axis=0)
    return rolled.series[mine][told], kinds[0][:, told], kinds[1][:, told], kinds[2][:, told]


def _wide(search: Search) -> bool:
    """Whether buckets hide what happened in so short a time."""
    return search.end - search.start < (moving.SHORT + 1) * MINUTES * 1000


def _sharpen(search: Search) -> None:
    """The servers that stand out by their buckets, by every sample."""
    chosen = list(dict.fromkeys(one.server for one in search.best))[:LOOKED_INTO]
    if not chosen or search.end < milliseconds() - 40 * 86_400_000:  # samples are long gone: buckets it is
        return
    coarse = (search.best, search.t, search.looked, search.moved, search.groups, search.movers)
    search.best, search.groups, search.movers, search.moved = [], Counter(), set(), 0
    looked = search.looked
    _exactly(search, chosen)
    search.looked = looked
    if not search.best:
        search.best, search.t, search.looked, search.moved, search.groups, search.movers = coarse


def _metrics(servers: Sequence[int]) -> list[str]:
    """What they report now, in the order of our descriptions; others after it by name."""
    layouts = {row.layout.id: row.layout for server in servers if (row := latest.get(server))}
    names = {column.partition("{")[0] for layout in layouts.values() for column in layout.place}
    return sorted(filter(_counts, names), key=lambda name: (PLACE.get(name, len(PLACE)), name))


def _counts(metric: str) -> bool:
    return not metric.startswith(BORING) and not metric.endswith("_total_bytes")


def _told(user: User, search: Search) -> Shown:
    listed = [_shown(one, search) for one in search.best]
    changes = _changes(user, search)
    return {
        "from": search.start / 1000, "to": search.end / 1000, "baseline": search.first / 1000,
        "servers": len(search.servers), "looked": search.looked, "moved": search.moved, "missed": search.missed,
        "t": search.t.tolist(), "series": listed, "groups": _groups(search), "changes": changes,
        "sentence": _sentence(search, listed),
    }  # fmt: skip


def _shown(one: Candidate, search: Search) -> Shown:
    row = search.servers[one.server]
    metric, labels = one.key[0], dict(one.key[1])
    score = alone.Moved(0, one.score, one.kind, one.before, one.during)  # type: ignore[arg-type]
    return {
        "server": {"id": str(row.uuid), "name": row.name, "url": f"/servers/{row.uuid}/"},
        "metric": metric, "labels": labels, "title": spoken(metric, labels), "kind": one.kind,
        "score": round(one.score, 3), "text": changed(metric, score),
        "v": [None if v != v else float(f"{v:.5g}") for v in one.values.tolist()],  # noqa: PLR0124 - NaN
    }  # fmt: skip


def _groups(search: Search) -> list[Shown]:
    """What moved alike on several servers has likely one cause."""
    many = [(key, count) for key, count in search.groups.most_common(6) if count > 1]
    return [
        {"metric": metric, "title": spoken(metric), "kind": kind, "count": count} for (metric, kind), count in many
    ]


def _changes(user: User, search: Search) -> list[Shown]:
    near = max(NEAR, (search.end - search.start) // 2)
    until = min(search.start + near, search.end)
    found = []
    for server in list(dict.fromkeys(one.server for one in search.best))[:TOLD]:
        row = search.servers[server]
        marks = ledger.marks(user, row, search.start - near, until)
        found += [{**mark, "text": f"{row.name}: {mark['text']}"} for mark in marks]
    return sorted(found, key=lambda one: float(one["at"]))[-MOST:]


def _sentence(search: Search, listed: list[Shown]) -> str:
    if not search.servers:
        return _("No server is meant by that.")
    if not search.looked:
        return _("These servers told nothing in that time.")
    text = _("Nothing moved: all %(looked)d series of %(n)d servers are as they were before.") % {
        "looked": search.looked, "n": len(search.servers),
    }  # fmt: skip
    if listed:
        text = ngettext(
            "%(moved)d of %(looked)d series moved, on %(count)d server of %(n)d.",
            "%(moved)d of %(looked)d series moved, on %(count)d servers of %(n)d.",
            len(search.movers),
        ) % {
            "moved": search.moved, "looked": search.looked, "count": len(search.movers), "n": len(search.servers),
        }  # fmt: skip
        text += " " + _("Most: %(title)s of %(server)s, %(change)s.") % {
            "title": listed[0]["title"], "server": listed[0]["server"]["name"], "change": listed[0]["text"],
        }  # fmt: skip
    if search.missed:
        text += " " + _("There was no time for everything: choose fewer servers to see more.")
    return text
