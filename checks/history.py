"""What a check found over a time: its share of time up, how fast it was, and which part took how long."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checks import series, uptime
from checks.models import Check, Run
from metrics.base import HOURS, MINUTES, RAW, Line
from metrics.store import DatabaseStore, write

HOUR = 3_600_000
RAW_UNTIL, MINUTES_UNTIL = 26 * HOUR, 8 * 24 * HOUR
POINTS = 240
PERCENTILES = (50, 95, 99)
Floats = NDArray[np.float64]


@dataclass(slots=True)
class History:
    """Of one check between two times, in milliseconds; `tier` says of how many seconds each bucket is, 0: samples."""

    start: int
    end: int
    tier: int
    share: uptime.Share
    percentiles: dict[int, float | None]
    points: list[dict[str, Any]] = field(default_factory=list)
    pieces: list[uptime.Share] = field(default_factory=list)


def history(check: Check, start: int, end: int, *, bars: int = 48) -> History:
    tier = _tier(end - start)
    lines = _lines(check, start, end, tier)
    up, took = lines.get("check_up"), lines.get("check_response_seconds")
    step = every(check)
    told = took.mean[~np.isnan(took.mean)] if took is not None else np.array([])
    return History(
        start, end, tier, _share(up, tier, start, end, step),
        {one: float(np.percentile(told, one)) if len(told) else None for one in PERCENTILES},
        _points(lines, start, end),
        _pieces(up, tier, (start, end), bars, step),
    )  # fmt: skip


def every(check: Check) -> int:
    """Milliseconds between two samples of check_up."""
    return 60_000 if check.kind == "heartbeat" else check.interval * 1000


def share(check: Check, start: int, end: int) -> uptime.Share:
    """The share of time up alone."""
    tier = _tier(end - start)
    return _share(_lines(check, start, end, tier, ("check_up",)).get("check_up"), tier, start, end, every(check))


def _tier(span: int) -> int:
    return RAW if span <= RAW_UNTIL else MINUTES if span <= MINUTES_UNTIL else HOURS


def _lines(check: Check, start: int, end: int, tier: int, metrics: tuple[str, ...] = ()) -> dict[str, Line]:
    """Its series by name; of the parts of a response by the part."""
    store = DatabaseStore()
    wanted = metrics or ("check_up", "check_response_seconds", series.PART_METRIC)
    columns = {check.column(metric): metric for metric in wanted}
    columns |= {check.column(series.PART_METRIC, part=part): part for part in series.PARTS}
    back = start - 3 * every(check) if tier == RAW else start - tier * 1000
    there = store.series(check.server_id, wanted, back, end)
    mine = {columns[text]: one for one in there if (text := one.key[0] + write(one.key[1])) in columns}
    found = store.range(check.server_id, list(mine.values()), back, end, tier)
    return {name: found[one.key] for name, one in mine.items()}


def _share(up: Line | None, tier: int, start: int, end: int, step: int) -> uptime.Share:
    if up is None:
        return uptime.Share(0.0, 0.0, (end - start) / 1000)
    if tier == RAW:
        return uptime.share(up.t, up.mean, start, end, step)
    return uptime.of_buckets(up.t, up.mean, up.count, start, end, (tier * 1000, step))


def _pieces(up: Line | None, tier: int, span: tuple[int, int], bars: int, step: int) -> list[uptime.Share]:
    start, end = span
    edges = np.linspace(start, end, bars + 1).astype(np.int64).tolist()
    if up is None:
        return [uptime.Share(0.0, 0.0, (end - start) / 1000 / bars)] * bars
    if tier == RAW:
        return uptime.pieces(up.t, up.mean, start, end, bars, step)
    return [_share(up, tier, edges[place], edges[place + 1], step) for place in range(bars)]


def _points(lines: dict[str, Line], start: int, end: int) -> list[dict[str, Any]]:
    """Means of at most so many equal pieces of time: response and its parts."""
    width = max(1, (end - start) // POINTS)
    named = {name: _means(line, start, end, width) for name, line in lines.items() if name != "check_up"}
    found = []
    for place in range((end - start) // width):
        values = {name: float(means[place]) for name, means in named.items() if not np.isnan(means[place])}
        if values:
            found.append({"t": (start + place * width) / 1000, **values})
    return found


def _means(line: Line, start: int, end: int, width: int) -> Floats:
    count = (end - start) // width
    wanted = (line.t >= start) & (line.t < start + count * width) & ~np.isnan(line.mean)
    place = (line.t[wanted] - start) // width
    sums = np.bincount(place, line.mean[wanted], minlength=count)
    numbers = np.bincount(place, minlength=count)
    means: Floats = np.divide(sums, numbers, out=np.full(count, np.nan), where=numbers > 0)
    return means


def document(check: Check, run: Run | None, found: History) -> dict[str, Any]:
    """For the API."""
    return {
        "id": str(check.uuid), "from": found.start / 1000, "to": found.end / 1000, "bucket_seconds": found.tier,
        "state": run.state if run else "new", "uptime": shared(found.share),
        "percentiles": {f"p{one}": value for one, value in found.percentiles.items()},
        "pieces": [shared(one) for one in found.pieces], "points": found.points,
    }  # fmt: skip


def shared(one: uptime.Share) -> dict[str, float | None]:
    return {
        "up_seconds": round(one.up, 3), "down_seconds": round(one.down, 3), "unknown_seconds": round(one.unknown, 3),
        "up_percent": None if one.percent is None else round(one.percent, 4),
    }  # fmt: skip
