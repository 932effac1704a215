"""How long numbers are kept, in days and in bytes, and what is really there."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Min, QuerySet, Sum
from django.db.models.functions import Length

from core.clock import milliseconds
from metrics.models import Chunk, Dirty, FleetChunk, JournalRow, Uses, living
from metrics.tiers import COARSE, DAY, FINE, HOUR, RAW, SPANS

log = logging.getLogger(__name__)

DELETED_AT_ONCE = 200
LOOKED_AT = 20_000
MOST_AT_A_TIME = 5.0  # seconds of one run
BREATH = 0.01
LEAST_KEPT = DAY  # of each tier, however small the cap
SIDE_BY_SIDE = 35  # days of five minutes by metric: rules are tried on thirty; by server they stand there anyhow
TIERS = (RAW, FINE, COARSE)


@dataclass(frozen=True, slots=True)
class Kept:
    """What there is of a tier; `days` is what is wanted, `oldest` the start of the oldest span in milliseconds."""

    tier: int
    days: int
    oldest: int | None
    bytes: int


def days(tier: int) -> int:
    wanted: dict[int, int] = {
        RAW: settings.KEEP_RAW_DAYS, FINE: settings.KEEP_5MIN_DAYS, COARSE: settings.KEEP_HOURLY_DAYS,
    }  # fmt: skip
    return wanted[tier]


def fleet_days(tier: int) -> int:
    """The same of what is kept by metric: five minutes as long as samples, at least for some weeks; then hours."""
    return min(days(tier), max(days(RAW), SIDE_BY_SIDE)) if tier == FINE else days(tier)


def fleet_first(tier: int) -> int | None:
    """Since when a tier can be asked by metric."""
    found = first(tier)
    if found is None or fleet_days(tier) == days(tier):
        return found
    return max(found, milliseconds() - fleet_days(tier) * DAY)


def kept() -> list[Kept]:
    """Per tier what is really kept: samples with the journal, five minutes with the pieces of seals."""
    sizes = {tier: _bytes(Chunk.objects.filter(tier=tier)) for tier in TIERS}
    for tier in TIERS:
        sizes[tier or FINE] += _bytes(FleetChunk.objects.filter(tier=tier))
    sizes[RAW] += JournalRow.objects.aggregate(bytes=Sum(Length("rows")))["bytes"] or 0
    return [Kept(tier, days(tier), _oldest(tier), sizes[tier]) for tier in TIERS]


def first(tier: int) -> int | None:
    """Since when a tier has something; coarse buckets are made of the finer where they are not there yet."""
    # No index leads to the oldest unsealed row; one that is older than all that is sealed is rare, and soon sealed.
    newest = JournalRow.objects.order_by("-pk").values("start")[:LOOKED_AT]
    found = [newest.aggregate(at=Min("start"))["at"]]
    for finer in TIERS[: TIERS.index(tier) + 1]:
        span = _first_span(finer)
        if span is not None:
            found.append(Chunk.objects.filter(tier=finer, span=span).aggregate(at=Min("start"))["at"])
    return min((at for at in found if at is not None), default=None)


def _oldest(tier: int) -> int | None:
    span = _first_span(tier)
    if span is None and tier == RAW:
        return JournalRow.objects.order_by("pk").values_list("start", flat=True).first()
    return span


def _bytes(rows: QuerySet[Any]) -> int:
    return int(rows.aggregate(bytes=Sum(Length("data")))["bytes"] or 0)


def step(at: int) -> bool:
    """Delete what is due, in slices, for a moment; true when more is due."""
    until = monotonic() + MOST_AT_A_TIME
    for rows in (*_expired(at), *_of_removed()):
        if _delete(rows, until):
            return True
    Dirty.objects.filter(span__lt=at - days(FINE) * DAY).delete()
    Uses.objects.filter(last__lt=at - days(COARSE) * DAY).delete()
    _forget_removed()
    return _shrink(at, until)


def delete_before(tier: int, time: int) -> None:
    """Delete the whole spans of a tier that ended by then."""
    before = time - SPANS[tier]
    for rows in (Chunk.objects.filter(tier=tier), FleetChunk.objects.filter(tier=tier)):
        _delete(rows.filter(span__lte=before), float("inf"))


def _expired(at: int) -> Iterator[QuerySet[Any]]:
    for tier in TIERS:
        # Whole spans, and an hour more: a row that was taken at the last moment must find its hour.
        least = at - SPANS[tier] - HOUR
        yield Chunk.objects.filter(tier=tier, span__lt=least - days(tier) * DAY)
        yield FleetChunk.objects.filter(tier=tier, span__lt=least - fleet_days(tier) * DAY)


def _delete(rows: QuerySet[Any], until: float) -> bool:
    """A few at a time, so that others can write in between; true when time was up before all were gone."""
    while chosen := list(rows.order_by("tier", "span").values_list("pk", flat=True)[:DELETED_AT_ONCE]):
        if monotonic() > until:
            return True
        rows.model._default_manager.filter(pk__in=chosen).delete()
        sleep(BREATH)
    return False


def _removed() -> list[int]:
    return sorted(set(Uses.objects.values_list("server_id", flat=True).distinct()) - living())


def _of_removed() -> Iterator[QuerySet[Any]]:
    for server in _removed():
        yield Chunk.objects.filter(server=server)


def _forget_removed() -> None:
    """Last, once their chunks are gone: by these rows they were found."""
    for server in _removed():
        if not Chunk.objects.filter(server=server).exists():
            Uses.objects.filter(server=server).delete()


def used() -> int:
    """Bytes that the database takes for real; what was deleted and can be filled again is not counted."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            numbers = []
            for name in ("page_count", "freelist_count", "page_size"):
                cursor.execute(f"PRAGMA {name}")
                numbers.append(int(cursor.fetchone()[0]))
        return (numbers[0] - numbers[1]) * numbers[2]
    return sum(tier.bytes for tier in kept())


def _shrink(at: int, until: float) -> bool:
    """Above the cap the oldest go first, the finest before the coarser, a span at a time."""
    while settings.DISK_CAP and used() > settings.DISK_CAP:
        oldest = _oldest_to_go(at)
        if oldest is None:
            log.warning("The database is above WATCHKEEPER_DISK_CAP, and only the newest day is left to delete")
            return False
        tier, span = oldest
        for rows in (Chunk.objects.filter(tier=tier, span=span), FleetChunk.objects.filter(tier=tier, span=span)):
            if _delete(rows, until):
                return True
    return False


def _oldest_to_go(at: int) -> tuple[int, int] | None:
    for tier in TIERS:
        # What came late and is not merged yet is in no bucket: its hour must wait for that.
        waiting = Chunk.objects.filter(tier=RAW, merged=False).values_list("span", flat=True).distinct()
        span = _first_span(tier, set(waiting) if tier == RAW else ())
        if span is not None and span + SPANS[tier] < at - LEAST_KEPT:
            return tier, span
    return None


def _first_span(tier: int, but: Collection[int] = ()) -> int | None:
    return (
        Chunk.objects.filter(tier=tier).exclude(span__in=but).order_by("span").values_list("span", flat=True).first()
    )
