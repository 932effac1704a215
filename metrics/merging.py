"""The merge: parts of an hour become one chunk and its buckets, hours become days, days months and fleets.

Small steps, each in one transaction, each such that doing it again changes nothing. A late row is a new part
of an old hour, and its hour and day are made anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import F, Min

from core.models import Cursor
from metrics import codec, rollups, tiers, turning
from metrics.models import Chunk, Dirty, FleetChunk, living
from metrics.rollups import Rolled
from metrics.sealing import SEALED
from metrics.tiers import COARSE, DAY, FINE, HOUR, MONTH, RAW, STEP
from metrics.turning import BLOCK

MINUTE = 60_000
AFTER_HOUR = 10 * MINUTE
AFTER_MERGE = 3 * MINUTE
AFTER_DAY = 2 * HOUR
LATE = 10 * MINUTE
OVERDUE = 30 * MINUTE
MERGED_AT_ONCE = 25
SERIES_AT_ONCE = {RAW: 64, FINE: 12}
KEY = ["tier", "span", "server", "part"]
FLEET_KEY = ["tier", "span", "series", "block", "part"]


def step(at: int, seconds: float) -> bool:
    """Work for so much time of a processor; true when more is due."""
    until = time.thread_time() + seconds
    overdue = Dirty.objects.filter(due__lte=at - OVERDUE).exists()
    kinds: tuple[Callable[[int], bool], ...] = (_remake, _merge) if overdue else (_merge, _remake)
    for kind in kinds:
        while kind(at):
            if time.thread_time() >= until:
                return True
    return False


# An hour of a server


@dataclass(slots=True)
class Merged:
    """An hour of one server made one, until it is written."""

    kept: int  # the chunk that becomes it
    gone: list[int]
    server: int
    span: int
    data: bytes
    start: int
    end: int
    fine: Rolled


def _merge(at: int) -> bool:
    """The next few hours of servers that are over."""
    place = Cursor.objects.place(SEALED)
    waiting = Chunk.objects.filter(tier=RAW, merged=False, span__lte=at - HOUR - AFTER_HOUR, part__lte=place)
    chosen = waiting.order_by("span", "server").values_list("span", "server_id").distinct()[:MERGED_AT_ONCE]
    listed = list(chosen)
    alive = living() if listed else set()
    done = [_merged(span, server, place) for span, server in listed if server in alive]
    for span, server in listed:
        if server not in alive:
            waiting.filter(span=span, server=server).delete()
    if done:
        _write_merged([one for one in done if one], at)
    return bool(listed)


def _merged(span: int, server: int, place: int) -> Merged | None:
    # What a seal is still at work on has no place in it: a seal that is repeated must find its keys free.
    chosen = Chunk.objects.filter(tier=RAW, span=span, server=server, part__lte=place).order_by("part")
    chunks = list(chosen.values_list("pk", "data", "merged"))
    if not chunks:
        return None
    whole = rollups.overlay([tiers.read(data) for _, data, _ in chunks])
    fine = rollups.reduce(whole, STEP)
    if not any(merged for _, _, merged in chunks):
        # Should the samples of this hour be deleted already: its buckets know more than a late row does.
        fine = rollups.join([*_fine(server, span, span), fine])
    data = bytes(chunks[0][1]) if len(chunks) == 1 else codec.encode(whole.times, whole.keys, whole.values)
    gone = [pk for pk, _, _ in chunks[:-1]]
    return Merged(chunks[-1][0], gone, server, span, data, int(whole.times[0]), int(whole.times[-1]), fine)


def _fine(server: int, hour: int, part: int) -> list[Rolled]:
    found = Chunk.objects.filter(tier=FINE, span=hour - hour % DAY, server=server, part=part)
    return [tiers.unpack(data) for data in found.values_list("data", flat=True)]


@transaction.atomic
def _write_merged(done: list[Merged], at: int) -> None:
    chunks = []
    for one in done:
        kept = Chunk.objects.filter(pk=one.kept)
        if not kept.update(data=one.data, merged=True, start=one.start, end=one.end):
            continue  # a twin was faster
        Chunk.objects.filter(pk__in=one.gone).delete()
        chunks.append(
            Chunk(
                server_id=one.server, tier=FINE, span=one.span - one.span % DAY, part=one.span, merged=True,
                start=one.start, end=one.end, data=tiers.pack(one.fine),
            )
        )  # fmt: skip
    _put(chunks)
    _mark({(one.span, one.server // BLOCK) for one in done}, at)


def _put(chunks: list[Chunk]) -> None:
    Chunk.objects.bulk_create(
        chunks, update_conflicts=True, unique_fields=KEY, update_fields=["start", "end", "merged", "data"]
    )


def _mark(hours: set[tuple[int, int]], at: int) -> None:
    """Say what must be made anew by metric: an hour soon, a day when it is over; of an old one the day alone."""
    wanted: dict[tuple[int, int, int], int] = {}
    for hour, block in hours:
        day = hour - hour % DAY
        over = day + DAY + AFTER_DAY
        wanted[FINE, day, block] = max(over, at + LATE)
        if at < over:
            wanted[RAW, hour, block] = at + AFTER_MERGE
    rows = [Dirty(tier=tier, span=span, block=block, due=due) for (tier, span, block), due in sorted(wanted.items())]
    Dirty.objects.bulk_create(rows, ignore_conflicts=True)
    for tier, span, block in wanted:
        # Counting on makes whoever is at work on it begin again.
        Dirty.objects.filter(tier=tier, span=span, block=block).update(done=0, turn=F("turn") + 1)


# What is marked


def _remake(at: int) -> bool:
    """One bounded step of the mark that is due longest."""
    mark = Dirty.objects.filter(due__lte=at).order_by("due", "pk").first()
    if mark is None:
        return False
    if mark.tier == FINE and _finish_days(mark):
        return True
    _remake_fleet(mark)
    return True


def _finish_days(mark: Dirty) -> bool:
    """Hours of servers become their day, and that the month's; true when any were left."""
    servers = Chunk.objects.filter(tier=FINE, span=mark.span, part__gt=0, **_of_block(mark))
    chosen = list(servers.order_by("server").values_list("server_id", flat=True).distinct()[: MERGED_AT_ONCE // 5])
    for server in chosen:
        _finish_day(server, mark.span)
    return bool(chosen)


def _finish_day(server: int, day: int) -> None:
    stored = Chunk.objects.filter(tier=FINE, span=day, server=server).order_by("part")
    parts = list(stored.values_list("pk", "part", "data"))
    whole = rollups.join([tiers.unpack(data) for _, _, data in parts])
    month = day - day % MONTH
    coarse = [tiers.unpack(data) for data in _month(server, month)]
    hours = rollups.join([*coarse, rollups.coarser(whole, HOUR)])
    with transaction.atomic():
        Chunk.objects.filter(pk__in=[pk for pk, part, _ in parts if part]).delete()
        _put([_tier_chunk(server, FINE, day, whole), _tier_chunk(server, COARSE, month, hours)])


def _month(server: int, month: int) -> Iterator[Any]:
    yield from Chunk.objects.filter(tier=COARSE, span=month, server=server, part=0).values_list("data", flat=True)


def _tier_chunk(server: int, tier: int, span: int, rolled: Rolled) -> Chunk:
    start, end = int(rolled.t[0]), int(rolled.t[-1]) + tier * 1000 - 1
    return Chunk(
        server_id=server, tier=tier, span=span, part=0, merged=True, start=start, end=end, data=tiers.pack(rolled)
    )


def _of_block(mark: Dirty) -> dict[str, int]:
    return {"server__gte": mark.block * BLOCK, "server__lt": (mark.block + 1) * BLOCK}


def _remake_fleet(mark: Dirty) -> None:
    """The next few series of a block; when there are no more the mark goes."""
    place = _merged_up_to(mark)
    blobs = _sources(mark)
    series = _next_series(blobs, mark)
    rows: list[FleetChunk] = []
    if series:
        items = [(server, tiers.unpack(data, series)) for server, data in blobs]
        for one, rolled in turning.by_series(items):
            rows += _fleet_rows(mark, one, rolled)
    with transaction.atomic():
        mine = Dirty.objects.filter(pk=mark.pk, turn=mark.turn, done=mark.done)
        if not series:
            mine.delete()
        elif mine.update(done=series[-1]):
            _put_fleet(rows)
            _drop_pieces(mark, series, place)


def _merged_up_to(mark: Dirty) -> int:
    """Pieces of seals up to here are no longer needed: all their samples are merged."""
    width = tiers.SPANS[mark.tier]
    waiting = Chunk.objects.filter(
        tier=RAW, merged=False, span__gte=mark.span, span__lt=mark.span + width, **_of_block(mark)
    )
    first = waiting.aggregate(first=Min("part"))["first"]
    place = Cursor.objects.place(SEALED)
    return place if first is None else min(place, first - 1)


def _sources(mark: Dirty) -> list[tuple[int, Any]]:
    day = mark.span - mark.span % DAY
    part = mark.span if mark.tier == RAW else 0
    stored = Chunk.objects.filter(tier=FINE, span=day, part=part, **_of_block(mark)).order_by("server")
    return list(stored.values_list("server_id", "data"))


def _next_series(blobs: list[tuple[int, Any]], mark: Dirty) -> list[int]:
    every = [np.unique(codec.keys(data) // rollups.KINDS) for _, data in blobs]
    found = np.unique(np.concatenate(every)) if every else np.array([], np.int64)
    chosen: list[int] = found[found > mark.done][: SERIES_AT_ONCE[mark.tier]].tolist()
    return chosen


def _fleet_rows(mark: Dirty, series: int, rolled: Rolled) -> Iterator[FleetChunk]:
    if mark.tier == RAW:
        yield _fleet_row(mark, series, RAW, mark.span, tiers.pack_piece(rolled, mark.span))
        return
    yield _fleet_row(mark, series, FINE, mark.span, tiers.pack_fleet(rolled))
    month = mark.span - mark.span % MONTH
    stored = FleetChunk.objects.filter(tier=COARSE, span=month, series=series, block=mark.block, part=0)
    before = [tiers.unpack(data) for data in stored.values_list("data", flat=True)]
    hours = rollups.join([*before, rollups.coarser(rolled, HOUR)])
    yield _fleet_row(mark, series, COARSE, month, tiers.pack_fleet(hours))


def _fleet_row(mark: Dirty, series: int, tier: int, span: int, data: bytes) -> FleetChunk:
    return FleetChunk(series_id=series, tier=tier, block=mark.block, span=span, part=0, data=data)


def _put_fleet(rows: list[FleetChunk]) -> None:
    FleetChunk.objects.bulk_create(rows, update_conflicts=True, unique_fields=FLEET_KEY, update_fields=["data"])


def _drop_pieces(mark: Dirty, series: list[int], place: int) -> None:
    """The pieces of seals, and with a finished day those of its hours."""
    least = 1 if mark.tier == RAW else 0
    width = tiers.SPANS[mark.tier]
    hours = list(tiers.spans(mark.span, mark.span + width - 1, HOUR))
    pieces = FleetChunk.objects.filter(tier=RAW, span__in=hours, series__in=series, block=mark.block)
    pieces.filter(part__gte=least, part__lte=place).delete()
