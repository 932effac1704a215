"""The last hours of the whole fleet: a few lines for the tiles, one for each server in view."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import numpy as np
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q

from accounts.models import User
from alerts.models import Incident
from metrics.store import query
from servers.models import Server

STEP = 300_000
BACK = 6 * 3_600_000
HOUR = 3_600_000
MINUTES, HOURS = 300, 3600
CPU, MEMORY = "cpu_used_percent", "memory_used_percent"
NET = ("net_received_bytes_per_second", "net_sent_bytes_per_second")
AGO = (("week", 7 * 24 * HOUR), ("day", 24 * HOUR))
Person = User | AnonymousUser
Shown = dict[str, Any]
Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass
class Fleet:
    """The servers whose numbers may be shown to somebody, in order."""

    ids: np.ndarray[Any, np.dtype[np.int64]]

    @classmethod
    def of(cls, user: Person) -> Fleet:
        return cls(np.array(sorted(Server.objects.visible_to(user).values_list("pk", flat=True)), np.int64))

    def table(self, metric: str, start: int, end: int, tier: int) -> Floats:
        """A row a bucket, a column a server: its label sets together, NaN where it said nothing."""
        step = tier * 1000
        start -= start % step
        table = np.full(((end - start) // step + 1, len(self.ids)), np.nan)
        if not len(self.ids):
            return table
        found = query.store.fleet_range(metric, start, end, tier, self.ids.tolist())
        for rolled in found.values():
            mine = np.flatnonzero(np.isin(rolled.series, self.ids))
            rows = (rolled.t - start) // step
            inside = (rows >= 0) & (rows < len(table))
            cells = np.ix_(rows[inside], np.searchsorted(self.ids, rolled.series[mine]))
            values = rolled.mean[np.ix_(inside, mine)]
            held = table[cells]
            table[cells] = np.where(np.isnan(held), values, held + np.nan_to_num(values))
        return table


@dataclass(frozen=True)
class Measured:
    """What the store says of a set of servers: the same for everybody who may see just these."""

    t: Any
    lines: dict[str, list[float | None]]
    before: tuple[str, int, dict[str, float | None]] | None


class _Lately:
    """Kept for a minute: many people open the page of one fleet, and history moves in steps of five."""

    SECONDS, MOST = 60.0, 16

    def __init__(self) -> None:
        self.kept: dict[bytes, tuple[float, Measured]] = {}
        self.lock = threading.Lock()

    def __call__(self, fleet: Fleet, at: int) -> Measured:
        who = blake2b(fleet.ids.tobytes(), digest_size=16).digest()
        with self.lock:  # one at a time: the second finds what the first has made
            held = self.kept.get(who)
            if held is None or not 0 <= time.monotonic() - held[0] < self.SECONDS or at < int(held[1].t[0]):
                if len(self.kept) >= self.MOST:
                    self.kept.clear()
                held = self.kept[who] = (time.monotonic(), _measured(fleet, at))
            return held[1]


lately = _Lately()


def tiles(user: Person, at: int) -> Shown:
    """Six hours in steps of five minutes, and what the same numbers were a week ago, or else a day ago."""
    found = lately(Fleet.of(user), at)
    before = None
    if found.before:
        word, then, values = found.before
        before = {"ago": word, **values, "alerts": int(_open_at(user, np.array([then]))[0])}
    return {
        "t": int(found.t[0]) // 1000,
        "step": STEP // 1000,
        "lines": {**found.lines, "alerts": _plain(_open_at(user, found.t))},
        "before": before,
    }


def _measured(fleet: Fleet, at: int) -> Measured:
    start = at - BACK
    lines = {name: _plain(line) for name, line in _lines(fleet, start, at, MINUTES).items()}
    return Measured(np.arange(start - start % STEP, at + 1, STEP), lines, _before(fleet, at))


def _lines(fleet: Fleet, start: int, end: int, tier: int) -> dict[str, Floats]:
    cpu, memory = (fleet.table(metric, start, end, tier) for metric in (CPU, MEMORY))
    received, sent = (fleet.table(metric, start, end, tier) for metric in NET)
    net = np.where(np.isnan(received), sent, received + np.nan_to_num(sent))
    reporting = (~np.isnan(cpu)).sum(axis=1).astype(np.float64)
    reporting[reporting == 0] = np.nan  # nobody spoke: that is not known to be trouble of theirs
    return {"up": reporting, "cpu": _mean(cpu), "memory": _mean(memory), "net": _sum(net)}


def _before(fleet: Fleet, at: int) -> tuple[str, int, dict[str, float | None]] | None:
    """The hour that many days ago, where it was measured."""
    first = query.store.fleet_first(HOURS)
    for word, ago in AGO:
        then = at - ago
        if first is None or first > then:
            continue
        lines = _lines(fleet, then - HOUR // 2, then, HOURS)
        found = {name: _plain(line[-1:])[0] for name, line in lines.items()}
        if found["cpu"] is not None:
            return word, then, found
    return None


def _open_at(user: Person, t: Any) -> Floats:
    """How many troubles were open at each of these moments."""
    first, last = (datetime.fromtimestamp(int(edge) / 1000, UTC) for edge in (t[0], t[-1]))
    rows = Incident.objects.visible_to(user).filter(opened_at__lte=last + timedelta(seconds=MINUTES))
    spans = rows.filter(Q(resolved_at=None) | Q(resolved_at__gte=first)).values_list("opened_at", "resolved_at")
    count = np.zeros(len(t))
    for opened, resolved in spans:
        after = t >= opened.timestamp() * 1000
        count += after if resolved is None else after & (t < resolved.timestamp() * 1000)
    return count


def sparks(user: Person, wanted: list[str], at: int) -> Shown:
    """The CPU of these servers in the last hours; who may not be seen, or said nothing, is left out."""
    fleet = Fleet.of(user)
    rows = dict(Server.objects.visible_to(user).filter(uuid__in=wanted).values_list("pk", "uuid"))
    start = at - BACK
    table = fleet.table(CPU, start, at, MINUTES) if rows else np.empty((0, 0))
    found = {}
    for pk, uuid in rows.items():
        line = table[:, int(np.searchsorted(fleet.ids, pk))]
        if not np.isnan(line).all():
            found[str(uuid)] = _plain(line)
    return {"t": (start - start % STEP) // 1000, "step": STEP // 1000, "cpu": found}


def _mean(table: Floats) -> Floats:
    known = ~np.isnan(table)
    count = known.sum(axis=1)
    total = np.where(known, table, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _sum(table: Floats) -> Floats:
    known = ~np.isnan(table)
    return np.where(known.any(axis=1), np.where(known, table, 0.0).sum(axis=1), np.nan)


def _plain(line: Floats) -> list[float | None]:
    return [None if value != value else round(value, 1) for value in line.tolist()]  # noqa: PLR0124 - NaN
