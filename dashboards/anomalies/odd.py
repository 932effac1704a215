"""The odd one out: servers of one role side by side, each day of each beside the middle of its like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from accounts.models import User
from core.clock import milliseconds
from dashboards.anomalies.seen import Seen
from dashboards.fleet.history import HOUR, HOURS, Fleet
from dashboards.lately import Lately
from metrics.store import shown, spoken
from servers.models import Server

Shown = dict[str, Any]
Floats = NDArray[np.float64]
FEWEST = 4  # of a role: among three nobody can tell who is odd
LEAST_HOURS = 6
ODD = 4.0  # times what its like differ among themselves
DAY = 24
LOUDEST = 3  # metrics that make up a server's distance, and that are told
FLOOR = 0.05  # of the level: a smaller difference is nobody's
CAP = 50.0
TWICE, POINTS, SOME_POINTS = 2.0, 25.0, 10.0  # what a person would call odd too: of amounts, and of shares
MOST = 50
# Of label sets the sum is compared; what grows by its nature, or is set by people, is left out.
METRICS = (
    "cpu_used_percent", "cpu_iowait_percent", "load5", "memory_used_percent", "swap_used_percent",
    'disk_used_percent{mount="/"}', "disk_read_bytes_per_second", "disk_write_bytes_per_second",
    "net_received_bytes_per_second", "net_sent_bytes_per_second", "tcp_connections", "processes", "threads",
)  # fmt: skip
LEAST = {"_percent": 2.0, "_bytes_per_second": 50_000.0}  # differences that do not matter, by the unit


@dataclass(frozen=True)
class Distance:
    """How far each server is from its like, by metric; the values are the means of its day and of theirs."""

    by_metric: Floats  # servers by metrics
    own: Floats
    theirs: Floats  # metrics

    @cached_property
    def whole(self) -> Floats:
        loudest = -np.sort(-np.nan_to_num(self.by_metric), axis=1)[:, :LOUDEST]
        # One metric far away counts as much as three that are a little: the mean of the loudest would hide it.
        return np.asarray(np.maximum(loudest[:, 0] * 0.75, loudest.mean(axis=1)))


def distance(days: Floats, floors: Floats, shares: NDArray[np.bool_]) -> Distance:
    """Days are servers by metrics by hours; NaN is "not measured". Median and MAD, so that the odd move neither."""
    with np.errstate(all="ignore"):
        middle = _median(days)
        away = np.abs(days - middle)
        spread = 1.4826 * _median(away.transpose(0, 2, 1).reshape(-1, days.shape[1])[:, :])
        level = _median(np.abs(middle).T)
        spread = np.maximum(spread, np.maximum(floors, FLOOR * np.nan_to_num(level)))
        z = np.minimum(away / spread[None, :, None], CAP)
        known = (~np.isnan(z)).sum(axis=2)
        by_metric = np.where(known >= LEAST_HOURS, _median(z.transpose(2, 0, 1)), 0.0)
        count = np.maximum((~np.isnan(days)).sum(axis=2), 1)
        own = np.where(known > 0, np.nansum(days, axis=2) / count, np.nan)
        theirs = _median(own)
        by_metric = np.where(plain(own, theirs, shares), by_metric, 0.0)
    return Distance(np.nan_to_num(by_metric), own, theirs)


def plain(own: Floats, theirs: Floats, shares: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a difference shows without statistics: among near equals any stands out."""
    least, most = np.minimum(own, theirs), np.maximum(own, theirs)
    apart, twice = most - least, most >= TWICE * least
    return np.asarray(np.where(shares, (apart >= POINTS) | (twice & (apart >= SOME_POINTS)), twice))


def _median(values: Floats) -> Floats:
    """Over the first axis; NaN where nothing is known, without a warning."""
    ordered = np.sort(values, axis=0)
    count = (~np.isnan(values)).sum(axis=0)
    low, high = np.maximum((count - 1) // 2, 0), np.maximum(count // 2, 0)
    high = np.minimum(high, len(values) - 1)
    first = np.take_along_axis(ordered, low[None], 0)[0]
    second = np.take_along_axis(ordered, high[None], 0)[0]
    return np.asarray((first + second) / 2)


def odd(user: User, seen: Seen | None = None) -> Shown:
    """The servers that are unlike the others of their role, the oddest first."""
    seen = seen or Seen.of(user)
    roles = seen.roles()
    compared = {role: listed for role, listed in sorted(roles.items()) if len(listed) >= FEWEST}
    found: list[Odd] = []
    if compared:
        fleet, at = seen.fleet, milliseconds()
        day = lately((fleet.ids.tobytes(), at // HOUR), lambda: Day(fleet.ids, _days(fleet, at)))
        for role, listed in compared.items():
            found += _of_role(role, listed, day)
    found = sorted(found, key=lambda one: -one.score)[:MOST]
    names = Server.objects.visible_to(user).in_bulk([one.pk for one in found])
    return {
        "odd": [_shown(one, names[one.pk]) for one in found if one.pk in names],
        "roles": [{"role": role, "servers": len(listed)} for role, listed in compared.items()],
        "left_out": sum(len(listed) for role, listed in roles.items() if role not in compared),
    }


def _of_role(role: str, listed: Sequence[int], day: Day) -> list[Odd]:
    measured = day.measured(np.searchsorted(day.ids, listed))
    return [
        Odd(listed[place], role, len(listed), float(measured.whole[place]), place, measured)
        for place in np.flatnonzero(measured.whole >= ODD).tolist()
        if np.isfinite(measured.own[place]).any()
    ]


def _shown(one: Odd, server: Server) -> Shown:
    by_metric = one.measured.by_metric[one.place]
    order = np.argsort(-by_metric, kind="stable")[:LOUDEST]
    why = [_why(METRICS[at], one.measured, one.place, at) for at in order.tolist() if by_metric[at] >= ODD / 2]
    return {
        "server": {"id": str(server.uuid), "name": server.name, "url": f"/servers/{server.uuid}/"},
        "role": one.role, "of": one.of, "score": round(one.score, 1), "why": why,
        "sentence": _("%(name)s is unlike the other %(n)d servers of role %(role)s: %(why)s.") % {
            "name": server.name, "n": one.of - 1, "role": one.role, "why": ", ".join(each["text"] for each in why),
        },
    }  # fmt: skip


def _why(column: str, measured: Distance, place: int, at: int) -> Shown:
    metric = column.partition("{")[0]
    own, theirs = float(measured.own[place, at]), float(measured.theirs[at])
    values = {"title": spoken(metric), "own": shown(metric, own), "theirs": shown(metric, theirs)}
    return {
        "metric": column, "times": round(float(measured.by_metric[place, at]), 1), "own": own, "theirs": theirs,
        "text": _("%(title)s %(own)s, theirs %(theirs)s") % values,
    }  # fmt: skip


def _floor(column: str) -> float:
    metric = column.partition("{")[0]
    return next((least for end, least in LEAST.items() if metric.endswith(end)), 0.5)


FLOORS = np.array([_floor(column) for column in METRICS])
SHARES = np.array([column.partition("{")[0].endswith("_percent") for column in METRICS])


class Odd(NamedTuple):
    """A server that is unlike its like, and where its distance stands."""

    pk: int
    role: str
    of: int
    score: float
    place: int
    measured: Distance


@dataclass
class Day:
    """The last whole hours of these servers, and what was made of them."""

    ids: Any
    table: Floats
    made: dict[bytes, Distance] = field(default_factory=dict)

    def measured(self, places: NDArray[np.intp]) -> Distance:
        """How far these are from one another."""
        who = places.tobytes()
        found = self.made.get(who)
        if found is None:
            found = self.made[who] = distance(self.table[places], FLOORS, SHARES)
        return found


lately: Lately[Day] = Lately(300.0)  # it is a day that is compared


def _days(fleet: Fleet, at: int) -> Floats:
    """Servers by metrics by the last whole hours."""
    end = at - at % HOUR - 1
    found = np.full((len(fleet.ids), len(METRICS), DAY), np.nan, np.float64)
    for place, metric in enumerate(METRICS):
        table = fleet.table(metric, end - DAY * HOUR + 1, end, HOURS)
        found[:, place] = table[-DAY:].T
    return found
