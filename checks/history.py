"""What a check found over a time: its share of time up, how fast it was, and which part took how long."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checks import series, uptime
from checks.models import Check, Run
from core.clock import milliseconds
from metrics.base import HOURS, MINUTES, RAW, Line
from metrics.store import DatabaseStore, write

HOUR = 3_600_000
DAY = 24 * HOUR
LATE = 120_000
RAW_UNTIL, MINUTES_UNTIL = 26 * HOUR, 8 * 24 * HOUR
SAMPLES_UNTIL, BUCKETS_UNTIL = 15 * 24 * HOUR, 100 * 24 * HOUR
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
    fine = _finest(start, end)
    tier = max(_tier(end - start), fine)  # samples of a short time that is long ago are gone
    there = _lines(check, start, end, tier)
    up = there.pop("check_up", None)
    if fine != tier:
        up = _lines(check, start, end, fine, ("check_up",)).get("check_up")
    found = _known(check, up, fine, end)
    lines = {name: _inside(line, start, end, tier) for name, line in there.items()}
    told = lines["check_response_seconds"].mean if "check_response_seconds" in lines else np.array([])
    return History(
        start, end, tier, found.share(start, end),
        {one: float(np.percentile(told, one)) if len(told) else None for one in PERCENTILES},
        _points(lines, start, end, max(1, (end - start) // POINTS)),
        found.shares(start, end, bars),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recent:
    """The last day of a check up to a time, small enough to be kept: reading on from it costs a fraction."""

    until: int
    known: uptime.Known
    t: Floats
    seconds: Floats

    def history(self, start: int, end: int, bars: int) -> History:
        # Points stand on a grid that stays: the first may begin before the time asked for.
        found = zip(np.maximum(self.t, start / 1000).tolist(), self.seconds.tolist(), strict=True)
        points = [{"t": t, "check_response_seconds": seconds} for t, seconds in found]
        return History(start, end, RAW, self.known.share(start, end), {}, points, self.known.shares(start, end, bars))


def recent(check: Check, end: int, before: Recent | None = None) -> Recent:
    """From what is known already only what came since is read, and a little more, as samples come late."""
    if before and before.until > end + LATE:
        before = None  # the clock was set back
    width = DAY // POINTS
    first = (end - DAY) // width * width
    start = max(first, (before.until - LATE) // width * width) if before else first
    there = _lines(check, start, end, RAW, ("check_up", "check_response_seconds"))
    known = _known(check, there.pop("check_up", None), RAW, end).since(start)
    lines = {name: _inside(line, start, end, RAW) for name, line in there.items()}
    points = _points(lines, start, end + width, width)
    t = np.array([one["t"] for one in points], np.float64)
    seconds = np.array([one["check_response_seconds"] for one in points], np.float64)
    if before is None:
        return Recent(end, uptime.nothing().then(known), t, seconds)
    old = (before.t >= first / 1000) & (before.t < start / 1000)
    both = before.known.since(first).before(start).then(known)
    return Recent(end, both, np.append(before.t[old], t), np.append(before.seconds[old], seconds))


def every(check: Check) -> int:
    """Milliseconds between two samples of check_up."""
    return 60_000 if check.kind == "heartbeat" else check.interval * 1000


def judged(check: Check, start: int, end: int) -> uptime.Known:
    """When it was up, down or unknown: the one judgement of its page, of the API and of reports."""
    tier = _finest(start, end)
    return _known(check, _lines(check, start, end, tier, ("check_up",)).get("check_up"), tier, end)


def _known(check: Check, up: Line | None, tier: int, end: int) -> uptime.Known:
    if up is None:
        return uptime.nothing()
    if tier == RAW:
        return uptime.known(up.t, up.mean, end, every(check))
    return uptime.of_buckets(up.t, up.mean, up.count, (tier * 1000, every(check)))


def _finest(start: int, end: int) -> int:
    """Samples while they are kept and are not too many, else the finest buckets that reach back so far."""
    if start >= milliseconds() - RAW_UNTIL:
        return RAW
    store = DatabaseStore()
    firsts = {tier: store.first(tier) for tier in (RAW, MINUTES, HOURS)}
    for tier, most in ((RAW, SAMPLES_UNTIL), (MINUTES, BUCKETS_UNTIL)):
        first = firsts[tier]
        coarser = [one for later, one in firsts.items() if later > tier and one is not None]
        # A young store is no reason for coarse answers: only where a coarser tier really was kept for longer.
        if (
            end - start <= most
            and first is not None
            and (first <= start or min(coarser, default=first) > first - HOUR)
        ):
            return tier
    return HOURS


def share(check: Check, start: int, end: int) -> uptime.Share:
    """The share of time up alone."""
    return judged(check, start, end).share(start, end)


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


def _inside(line: Line, start: int, end: int, tier: int) -> Line:
    """What was measured in this time; of a bucket that began before it the rest stands at its beginning."""
    wanted = (line.t + tier * 1000 >= start + (tier > 0)) & (line.t <= end) & ~np.isnan(line.mean)
    found = (one[wanted] for one in (line.low, line.high, line.mean, line.count))
    return Line(np.maximum(line.t[wanted], start), *found)


def _points(lines: dict[str, Line], start: int, end: int, width: int) -> list[dict[str, Any]]:
    """Means of equal pieces of time: response and its parts."""
    named = {name: _means(line, start, end, width) for name, line in lines.items()}
    found = []
    for place in range((end - start) // width):
        values = {name: float(means[place]) for name, means in named.items() if not np.isnan(means[place])}
        if values:
            found.append({"t": (start + place * width) / 1000, **values})
    return found


def _means(line: Line, start: int, end: int, width: int) -> Floats:
    count = (end - start) // width
    wanted = line.t < start + count * width
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
