"""The merge: parts of an hour become one chunk and its buckets, hours become days, days months and fleets.

Small steps, each in one transaction, each such that doing it again changes nothing. A late row is a new part
of an old hour, and its hour and day are made anew.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import F, Min, Q, QuerySet
from django.db.models.functions import Least

from core import apart
from core.models import Cursor
from metrics import codec, damaged, pieces, rollups, tiers, turning
from metrics.behind import SEALED
from metrics.codec import Part
from metrics.models import Chunk, Dirty, FleetChunk, living
from metrics.rollups import Rolled
from metrics.tiers import COARSE, DAY, FINE, HOUR, MONTH, RAW, SO_FAR, STEP, WHOLE
from metrics.turning import BLOCK

log = logging.getLogger(__name__)

MINUTE = 60_000
AFTER_HOUR = 10 * MINUTE
AFTER_MERGE = 3 * MINUTE
AFTER_DAY = 2 * HOUR
FOLDED = 4 * HOUR  # so often the hours of a day that is not over become one: whoever reads opens fewer blobs
AFTER_FOLDED = 40 * MINUTE
LATE = 10 * MINUTE
OVERDUE = 30 * MINUTE
MERGED_AT_ONCE = 25
MOST_CELLS = 1 << 22  # of samples that are unpacked together
SERIES_AT_ONCE = {RAW: 64, FINE: 12}
LARGEST = (1 << 63) - 1
KEY = ["tier", "span", "server", "part"]
NO_FAULT = (*apart.DOWN, MemoryError)  # of the hour: it is merged as soon as there is room
_odd: set[tuple[int, int, int]] = set()  # what could not be made of a server's day: its hours are read as they are


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


Stored = tuple[int, Any, bool]  # id, data, merged


@dataclass(slots=True)
class Whole:
    """Parts that become one."""

    kept: int  # the last of them, which becomes it
    gone: list[int]
    data: bytes
    start: int
    end: int


@dataclass(slots=True)
class Merged:
    """An hour of one server, until it is written: mostly one whole, several where one would not fit in memory."""

    server: int
    span: int
    wholes: list[Whole]
    fine: Rolled


def _merge(at: int) -> bool:
    """The next few hours of servers that are over."""
    place = Cursor.objects.place(SEALED)
    waiting = Chunk.objects.filter(tier=RAW, merged=False, span__lte=at - HOUR - AFTER_HOUR, part__lte=place)
    chosen = waiting.order_by("span", "server").values_list("span", "server_id").distinct()[:MERGED_AT_ONCE]
    listed = list(chosen)
    alive = living() if listed else set()
    done: list[Merged | None] = []
    theirs = [one for one in listed if one[1] in alive]
    odd = apart.each(theirs, lambda one: done.append(_merged(*one, place)), "An hour of a server", down=NO_FAULT)
    for span, server in listed:
        if server not in alive:
            waiting.filter(span=span, server=server).delete()
    for span, server in odd:  # its parts are read as they are
        waiting.filter(span=span, server=server).update(merged=True)
    if done:
        _write_merged([one for one in done if one], at)
    return bool(listed)


def _merged(span: int, server: int, place: int) -> Merged | None:
    # What a seal is still at work on has no place in it: a seal that is repeated must find its keys free.
    chosen = Chunk.objects.filter(tier=RAW, span=span, server=server, part__lte=place).order_by("part")
    chunks: list[Stored] = list(chosen.values_list("pk", "data", "merged"))
    wholes: list[Whole] = []
    rolled: list[Rolled] = []
    broken: list[int] = []
    for group in _together(chunks, broken):
        whole = rollups.overlay([part for _, _, part in group])
        done = len(group) == 1 and not codec.is_plain(group[0][1])
        data = bytes(group[0][1]) if done else codec.encode(whole.times, whole.keys, whole.values)
        gone = [pk for pk, _, _ in group[:-1]]
        wholes.append(Whole(group[-1][0], gone, data, int(whole.times[0]), int(whole.times[-1])))
        rolled.append(rollups.reduce(whole, STEP))
    if broken:  # they stay, in case somebody can mend them, and are in nobody's way
        log.error("Samples of server %d in the hour from %d cannot be read: chunks %s", server, span, broken)
        Chunk.objects.filter(pk__in=broken).update(merged=True)
    if not wholes:
        return None
    fine = rollups.add(rolled)
    if broken or not any(merged for _, _, merged in chunks):
        # Should the samples of this hour be deleted already: its buckets know more than a late row does.
        fine = rollups.join([*_fine(server, span, span), fine])
    return Merged(server, span, wholes, fine)


def _together(chunks: Sequence[Stored], broken: list[int]) -> Iterator[list[tuple[int, Any, Part]]]:
    """Neighbours that fit in memory side by side, a column each of their series: nearly always all."""
    group: list[tuple[int, Any, Part]] = []
    keys, rows = np.array([], np.int64), 0
    for pk, data, _ in chunks:
        part = damaged.samples(data)
        if not len(part.times):
            broken.append(pk)
            continue
        both = keys if np.array_equal(keys, part.keys) else np.union1d(keys, part.keys)
        if group and (rows + len(part.times)) * len(both) > MOST_CELLS:
            yield group
            group, both, rows = [], part.keys, 0
        group.append((pk, data, part))
        keys, rows = both, rows + len(part.times)
    if group:
        yield group


def _fine(server: int, hour: int, part: int) -> list[Rolled]:
    found = Chunk.objects.filter(tier=FINE, span=hour - hour % DAY, server=server, part=part)
    return [damaged.buckets(data) for data in found.values_list("data", flat=True)]


@transaction.atomic
def _write_merged(done: list[Merged], at: int) -> None:
    chunks = []
    for one in done:
        for whole in one.wholes:
            kept = Chunk.objects.filter(pk=whole.kept)
            if not kept.update(data=whole.data, merged=True, start=whole.start, end=whole.end):
                break  # a twin was faster
            Chunk.objects.filter(pk__in=whole.gone).delete()
        else:
            start, end = one.wholes[0].start, max(whole.end for whole in one.wholes)
            chunks.append(
                Chunk(
                    server_id=one.server, tier=FINE, span=one.span - one.span % DAY, part=one.span, merged=True,
                    start=start, end=end, data=tiers.pack_hour(one.fine),
                )
            )  # fmt: skip
    _put(chunks)
    _mark({(one.span, one.server // BLOCK) for one in done}, at)


def _put(chunks: list[Chunk]) -> None:
    Chunk.objects.bulk_create(
        chunks, update_conflicts=True, unique_fields=KEY, update_fields=["start", "end", "merged", "data"]
    )


def _mark(hours: set[tuple[int, int]], at: int) -> None:
    """Say what must be made anew: an hour by metric soon, a day now and then; of an old one the day alone."""
    wanted: dict[tuple[int, int, int], int] = {}
    for hour, block in sorted(hours, reverse=True):  # of two hours of a day the earlier counts
        day = hour - hour % DAY
        wanted[FINE, day, block] = _day_due(hour, at)
        if at < day + DAY + AFTER_DAY:
            wanted[RAW, hour, block] = at + AFTER_MERGE
    rows = [Dirty(tier=tier, span=span, block=block, due=due) for (tier, span, block), due in sorted(wanted.items())]
    Dirty.objects.bulk_create(rows, ignore_conflicts=True)
    for (tier, span, block), due in wanted.items():
        # Counting on makes whoever is at work on it begin again.
        mark = Dirty.objects.filter(tier=tier, span=span, block=block)
        mark.update(done=0, turn=F("turn") + 1, due=Least("due", due))


def _day_due(hour: int, at: int) -> int:
    """A late row of today waits for the next time its day is folded: until then its hour stands beside the day."""
    over = hour - hour % DAY + DAY + AFTER_DAY
    if at >= over:
        return at + LATE
    latest = max(hour, at - AFTER_FOLDED)
    folded = latest - latest % FOLDED + FOLDED
    return over if folded % DAY == 0 else folded + AFTER_FOLDED


# What is marked


def _remake(at: int) -> bool:
    """One bounded step of the mark that is due longest."""
    mark = Dirty.objects.filter(_due(at)).order_by("due", "pk").first()
    if mark is None:
        return False
    for odd in apart.each([mark], lambda one: _remake_one(one, at), "What is marked"):
        Dirty.objects.filter(pk=odd.pk, turn=odd.turn).update(due=at + HOUR)
    return True


def _due(at: int) -> Q:
    """None waits for longer than its day lasts: such a one was marked by a clock that was ahead and was set back."""
    ahead = Q(due__gt=at + 2 * DAY) & Q(due__gt=F("span") + 3 * DAY)
    return Q(due__lte=at) | ahead


def _remake_one(mark: Dirty, at: int) -> None:
    if mark.tier == RAW and _with_its_day(mark, at):
        Dirty.objects.filter(pk=mark.pk, turn=mark.turn).delete()
        return
    part = WHOLE if at >= mark.span + DAY + AFTER_DAY else SO_FAR
    if mark.tier == FINE and _finish_days(mark, part):
        return
    _remake_fleet(mark, part)


def _with_its_day(mark: Dirty, at: int) -> bool:
    """The work on the whole day takes this hour from where it would be read, and does what is to be done here."""
    day = mark.span - mark.span % DAY
    return Dirty.objects.filter(_due(at), tier=FINE, span=day, block=mark.block).exists()


def _finish_days(mark: Dirty, part: int) -> bool:
    """Hours of servers become their day, and that the month's; true when any were left."""
    servers = Chunk.objects.filter(tier=FINE, span=mark.span, part__gt=part, **_of_block(mark))
    servers = servers.exclude(server__in=[server for day, upto, server in _odd if (day, upto) == (mark.span, part)])
    chosen = list(servers.order_by("server").values_list("server_id", flat=True).distinct()[: MERGED_AT_ONCE // 5])
    odd = apart.each(chosen, lambda server: _finish_day(server, mark, part), "A day of a server", down=NO_FAULT)
    _odd.update((mark.span, part, server) for server in odd)
    return bool(chosen)


def _finish_day(server: int, mark: Dirty, part: int) -> None:
    """A day that is not over stays out of the month: that is long, and would be written again each few hours."""
    day, month = mark.span, mark.span - mark.span % MONTH
    stored = Chunk.objects.filter(tier=FINE, span=day, server=server).order_by("part")
    parts = [(pk, one, damaged.buckets(data)) for pk, one, data in stored.values_list("pk", "part", "data")]
    whole = rollups.join([rolled for _, _, rolled in parts])
    made = [_tier_chunk(server, FINE, day, whole, part)] if len(whole.t) else []
    if made and part == WHOLE:
        hours = rollups.join([*_month(server, month), rollups.coarser(whole, HOUR)])
        made.append(_tier_chunk(server, COARSE, month, hours))
    with transaction.atomic():
        # A twin that merged a late row since then has counted on, and holds this row until it is done.
        if not Dirty.objects.filter(pk=mark.pk, turn=mark.turn).update(done=mark.done):
            return
        _merge_again(server, day, [one for _, one, rolled in parts if not len(rolled.t)])
        Chunk.objects.filter(pk__in=[pk for pk, one, _ in parts if one > part]).delete()
        _put(made)


def _merge_again(server: int, day: int, damaged_parts: list[int]) -> None:
    """What cannot be read any more is made of the samples once more, as long as they are kept."""
    for part in damaged_parts:
        spans = {"span": part} if part > SO_FAR else {"span__gte": day, "span__lt": day + DAY}
        Chunk.objects.filter(tier=RAW, server=server, **spans).update(merged=False)


def _month(server: int, month: int) -> list[Rolled]:
    """Hours of the month so far; of its days' minutes, should it be damaged."""
    kept = Chunk.objects.filter(server=server, part=0)
    found = [damaged.buckets(data) for data in kept.filter(tier=COARSE, span=month).values_list("data", flat=True)]
    if all(len(rolled.t) for rolled in found):
        return found
    days = kept.filter(tier=FINE, span__gte=month, span__lt=month + MONTH).values_list("data", flat=True)
    return [rollups.coarser(damaged.buckets(data), HOUR) for data in days]


def _tier_chunk(server: int, tier: int, span: int, rolled: Rolled, part: int = WHOLE) -> Chunk:
    start, end = int(rolled.t[0]), int(rolled.t[-1]) + tier * 1000 - 1
    return Chunk(
        server_id=server, tier=tier, span=span, part=part, merged=True, start=start, end=end, data=tiers.pack(rolled)
    )


def _of_block(mark: Dirty) -> dict[str, int]:
    return {"server__gte": mark.block * BLOCK, "server__lt": (mark.block + 1) * BLOCK}


def _remake_fleet(mark: Dirty, part: int) -> None:
    """The next few series of a block; when there are no more the mark goes, or waits for the end of the day."""
    place = _merged_up_to(mark)
    blobs = _sources(mark, mark.span if mark.tier == RAW else part)
    series = _next_series(blobs, mark)
    rows: list[FleetChunk] = []
    if series:
        items = [(server, damaged.buckets(data, series)) for server, data in blobs]
        if mark.tier == RAW:
            rows = pieces.rows(mark.block, mark.span, 0, items, -series[-1])
        else:
            rows = [row for one, rolled in turning.by_series(items) for row in _fleet_rows(mark, one, rolled, part)]
    with transaction.atomic():
        mine = Dirty.objects.filter(pk=mark.pk, turn=mark.turn, done=mark.done)
        if not series:
            if _done(mine, mark, part):
                _drop_bundles(mark, place)
        elif mine.update(done=series[-1]):
            # They may have been cut otherwise by those who were here before.
            _bundles(mark, -series[-1], -mark.done - 1).filter(part=0).delete()
            _put_fleet(rows)
            _drop_pieces(mark, series, place, part)


def _done(mine: QuerySet[Dirty], mark: Dirty, part: int) -> int:
    if mark.tier == FINE and part == SO_FAR:
        return mine.update(done=0, due=mark.span + DAY + AFTER_DAY)
    return mine.delete()[0]


def _merged_up_to(mark: Dirty) -> int:
    """Pieces of seals up to here are no longer needed: all their samples are merged."""
    width = tiers.SPANS[mark.tier]
    place = Cursor.objects.place(SEALED)  # first: a seal that ends between the two must not count as merged
    waiting = Chunk.objects.filter(
        tier=RAW, merged=False, span__gte=mark.span, span__lt=mark.span + width, **_of_block(mark)
    )
    first = waiting.aggregate(first=Min("part"))["first"]
    return place if first is None else min(place, first - 1)


def _sources(mark: Dirty, part: int) -> list[tuple[int, Any]]:
    day = mark.span - mark.span % DAY
    stored = Chunk.objects.filter(tier=FINE, span=day, part=part, **_of_block(mark)).order_by("server")
    return list(stored.values_list("server_id", "data"))


def _next_series(blobs: list[tuple[int, Any]], mark: Dirty) -> list[int]:
    every = [np.unique(damaged.keys(data) // rollups.KINDS) for _, data in blobs]
    found = np.unique(np.concatenate(every)) if every else np.array([], np.int64)
    chosen: list[int] = found[found > mark.done][: SERIES_AT_ONCE[mark.tier]].tolist()
    return chosen


def _fleet_rows(mark: Dirty, series: int, rolled: Rolled, part: int) -> Iterator[FleetChunk]:
    fine = _fleet_row(mark, series, FINE, mark.span, tiers.pack_fleet(rolled))
    fine.part = part
    yield fine
    if part == SO_FAR:
        return
    month = mark.span - mark.span % MONTH
    stored = FleetChunk.objects.filter(tier=COARSE, span=month, series=series, block=mark.block, part=0)
    before = [damaged.buckets(data) for data in stored.values_list("data", flat=True)]
    hours = rollups.join([*before, rollups.coarser(rolled, HOUR)])
    yield _fleet_row(mark, series, COARSE, month, tiers.pack_fleet(hours))


def _fleet_row(mark: Dirty, series: int, tier: int, span: int, data: bytes) -> FleetChunk:
    return FleetChunk(series_id=series, tier=tier, block=mark.block, span=span, part=0, data=data)


def _put_fleet(rows: list[FleetChunk]) -> None:
    """In the place of what was there, under a new number: by that those who keep what they read see a change."""
    by_place: dict[tuple[int, int, int, int], list[int]] = defaultdict(list)
    for row in rows:
        by_place[row.tier, row.span, row.block, row.part].append(row.series_id)
    for (tier, span, block, part), series in by_place.items():
        FleetChunk.objects.filter(tier=tier, span=span, block=block, part=part, series__in=series).delete()
    FleetChunk.objects.bulk_create(rows)


def _bundles(mark: Dirty, first: int, last: int) -> QuerySet[FleetChunk]:
    hours = list(tiers.spans(mark.span, mark.span + tiers.SPANS[mark.tier] - 1, HOUR))
    found = FleetChunk.objects.filter(tier=RAW, span__in=hours, block=mark.block)
    return found.filter(series__gte=first, series__lte=last)


def _drop_bundles(mark: Dirty, place: int) -> None:
    """Of seals, once all series are made anew, and with a finished day those of its hours."""
    _bundles(mark, pieces.BUNDLE, pieces.BUNDLE).filter(part__lte=place).delete()
    if mark.tier == FINE:
        _bundles(mark, -LARGEST, -1).delete()


def _drop_pieces(mark: Dirty, series: list[int], place: int, part: int) -> None:
    """The pieces of seals, with a day those of its hours, and what the finished day was before."""
    if mark.tier == FINE and part == WHOLE:
        whole = FleetChunk.objects.filter(tier=FINE, span=mark.span, series__in=series, block=mark.block)
        whole.filter(part=SO_FAR).delete()
    least = 1 if mark.tier == RAW else 0
    width = tiers.SPANS[mark.tier]
    hours = list(tiers.spans(mark.span, mark.span + width - 1, HOUR))
    mine = FleetChunk.objects.filter(tier=RAW, span__in=hours, series__in=series, block=mark.block)
    mine.filter(part__gte=least, part__lte=place).delete()
