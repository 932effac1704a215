"""The seal: journal rows that everybody has read become chunks by server and hour, and pieces by metric.

Each step may be repeated. Which rows a seal takes is written down first, so that a seal that was cut off is
done again with the same rows, the same keys, and so without effect where it was done before.
"""

from __future__ import annotations

import logging
import struct
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
from django.db.models import Sum
from django.db.models.functions import Length

from core import apart
from core.models import Cursor
from metrics import blob, codec, pieces, recent, rollups, tiers, together, uses
from metrics.behind import SEALED, SEALING, consumers, patience
from metrics.codec import Part
from metrics.layouts import layouts
from metrics.models import Chunk, FleetChunk, JournalRow, Layout, living
from metrics.rollups import Rolled
from metrics.tiers import HOUR, RAW, STEP
from metrics.together import ByServer, Made, Stored
from metrics.trimming import trim
from metrics.turning import BLOCK
from metrics.uses import Use

log = logging.getLogger(__name__)

EVERY = 300_000
YOUNG = 60_000  # what memory holds beside the journal is written every 15 s, and mended from these rows
CLOCK_SET = 60_000
MOST_ROWS = 500_000
CROWDED_ROWS = 400_000
LOOKED_AT = 3000
CROWDED_BYTES = 32 << 20
HELD_BYTES = 8 << 20
MOST_SCANS = 12
MOST_CELLS = 1 << 22  # of a table of many layouts
WRITTEN_AT_ONCE = 200
BREATH = 0.005  # SQLite: others get in between two of our writes
STRANGE = 255  # no version of a codec: what stands behind it is a layout and a row of the journal
AS_IT_CAME = struct.Struct("<BQ")


def step(at: int) -> bool:
    """Seal what is due; true when more may wait."""
    sealed = Cursor.objects.start(SEALED)
    trim(sealed)
    upto = Cursor.objects.start(SEALING)
    if upto <= sealed:
        found = _upto(sealed, at)
        if found <= sealed or not Cursor.objects.advance(SEALING, upto, found):
            return False
        upto = found
    seal(sealed, upto)
    if not Cursor.objects.advance(SEALED, sealed, upto):
        return False  # somebody else did the same
    recent.trim(upto)
    trim(upto)
    return True


def _upto(sealed: int, at: int) -> int:
    """The last row to seal: whole five minutes of receiving, unless so much waits that it cannot wait longer."""
    patience.look(at)
    newest = JournalRow.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    most = sealed + MOST_ROWS  # no further: a journal of many days would be looked through by each step
    waiting = JournalRow.objects.filter(pk__gt=sealed, pk__lte=most).order_by("pk")
    old = at - YOUNG
    if not _crowded(sealed, newest):
        old -= old % EVERY
    # A clock that was ahead and set back must not hold rows for ever.
    young = waiting.filter(received__gte=old, received__lte=at + CLOCK_SET).values_list("pk", flat=True).first()
    upto = newest if young is None else young - 1
    return min(upto, most, *consumers().values())


def _crowded(sealed: int, newest: int) -> bool:
    if newest - sealed > CROWDED_ROWS:
        return True
    last = JournalRow.objects.filter(pk__gt=max(sealed, newest - LOOKED_AT))
    return (last.aggregate(bytes=Sum(Length("rows")))["bytes"] or 0) > CROWDED_BYTES


@dataclass
class Gathered:
    """What one look at the journal gives, until it is written."""

    chunks: list[Chunk] = field(default_factory=list)
    used: dict[tuple[int, int], Use] = field(default_factory=dict)
    rolled: dict[int, list[tuple[int, Rolled]]] = field(default_factory=lambda: defaultdict(list))  # by hour

    def use(self, server: int, layout: int, use: Use) -> None:
        if (held := self.used.setdefault((server, layout), use)) is not use:
            held.widen(use)


def seal(sealed: int, upto: int) -> None:
    """Write chunks, pieces and uses of these rows; where they are written already nothing changes."""
    alive = living()
    block, gathered = -1, Gathered()
    for servers in _groups(sealed, upto):
        for mine, by_server in _by_block(sealed, upto, servers):
            if mine != block:
                _write_pieces(block, upto, gathered)
                block = mine
            _take_all({server: rows for server, rows in by_server.items() if server in alive}, gathered)
        _write_chunks(gathered)
    _write_pieces(block, upto, gathered)
    uses.note(gathered.used)


def _groups(sealed: int, upto: int) -> Iterator[tuple[int, int]]:
    """Servers from and to, such that their rows fit in memory; few, as each looks through all these rows."""
    by_server: dict[int, int] = defaultdict(int)
    # Added up here: SQLite would sort the blobs themselves, by way of the disk.
    for server, size in JournalRow.objects.filter(pk__gt=sealed, pk__lte=upto).values_list("server", Length("rows")):
        by_server[server] += size
    sizes = sorted(by_server.items())
    room = max(HELD_BYTES, sum(by_server.values()) // MOST_SCANS)
    first, last, held = 0, 0, 0
    for server, size in sizes:
        if held and held + size > room:  # one that sent very much stands alone
            yield first, last
            held = 0
        first, last, held = first if held else server, server, held + size
    if held:
        yield first, last


def _by_block(sealed: int, upto: int, servers: tuple[int, int]) -> Iterator[tuple[int, ByServer]]:
    """Rows of each server in the order they were stored; a server that sent very much comes in several helpings."""
    chosen = JournalRow.objects.filter(pk__gt=sealed, pk__lte=upto, server__gte=servers[0], server__lte=servers[1])
    stored = chosen.order_by("pk").values_list("pk", "server_id", "layout_id", "received", "rows")
    if servers[0] == servers[1]:
        for helping in _helpings(stored.iterator(chunk_size=50)):
            yield servers[0] // BLOCK, {servers[0]: helping}
        return
    by_server: ByServer = defaultdict(list)
    for row in stored:
        by_server[row[1]].append(row)
    for block, mine in groupby(sorted(by_server), key=lambda server: server // BLOCK):
        yield block, {server: by_server[server] for server in mine}


def _helpings(stored: Iterator[Stored]) -> Iterator[list[Stored]]:
    rows: list[Stored] = []
    held = 0
    for row in stored:
        rows.append(row)
        held += len(row[4])
        if held >= HELD_BYTES:
            yield rows
            rows, held = [], 0
    if rows:
        yield rows


def _take_all(by_server: ByServer, gathered: Gathered) -> None:
    made_at_once, by_server = _alike(by_server)
    for made in made_at_once:
        gathered.use(made.server, made.layout, Use(made.start, made.end, min(made.end, made.received)))
        gathered.chunks.append(
            Chunk(
                server_id=made.server, tier=RAW, span=made.span, part=made.part, start=made.start, end=made.end,
                data=made.data,
            )
        )  # fmt: skip
        gathered.rolled[made.span].append((made.server, made.rolled))
        if len(gathered.chunks) >= WRITTEN_AT_ONCE:
            _write_chunks(gathered)
    for server, rows in by_server.items():
        for some in _bounded(rows):
            _take_or_keep(server, some, gathered)
        if len(gathered.chunks) >= WRITTEN_AT_ONCE:
            _write_chunks(gathered)


def _alike(by_server: ByServer) -> tuple[list[Made], ByServer]:
    """Those that can be done together, and the rows of the others: of all, where one of them prevents it."""
    left = dict(by_server)
    try:
        return list(together.alike(left)), left
    except apart.DOWN:
        raise
    except Exception:
        log.exception("Rows of %d servers could not be sealed together; each server is done alone", len(by_server))
        return [], by_server


def _take_or_keep(server: int, rows: list[Stored], gathered: Gathered) -> None:
    """A row that cannot be packed is kept as it came: it was acknowledged, and must hold up no other."""
    try:
        _take(server, rows, gathered)
    except apart.DOWN:
        raise
    except Exception as fault:  # whatever a row is odd in: nobody foresees that
        if len(rows) == 1:
            if isinstance(fault, MemoryError):  # no fault of the row: it waits until there is room
                raise
            log.exception("Row %d of server %d cannot be sealed; it is kept as it came", rows[0][0], server)
            gathered.chunks.append(_as_it_came(*rows[0]))
            return
    else:
        return
    for row in rows:
        _take_or_keep(server, [row], gathered)


def _as_it_came(pk: int, server: int, layout: int, received: int, rows: bytes | memoryview) -> Chunk:
    """Told and left out by whoever reads it (see metrics.damaged), and there for who can mend it."""
    return Chunk(
        server_id=server, tier=RAW, span=received - received % HOUR, part=pk, start=received, end=received,
        data=AS_IT_CAME.pack(STRANGE, layout) + bytes(rows),
    )  # fmt: skip


def _bounded(rows: list[Stored]) -> Iterator[list[Stored]]:
    """Rows of many layouts become one wide table in which most is missing: no more at once than fits in memory."""
    widths: dict[int, int] = {}
    if len({row[2] for row in rows}) > 1:
        some: list[Stored] = []
        length = 0
        for row in rows:
            width = widths.get(row[2]) or _width(row[2])
            count = len(row[4]) // (8 * (width + 1))
            wide = sum(widths.values()) + (0 if row[2] in widths else width)
            if some and (length + count) * wide > MOST_CELLS:
                yield some
                some, length, widths = [], 0, {}
            widths[row[2]] = width
            some.append(row)
            length += count
        rows = some
    yield rows


def _width(layout: int) -> int:
    try:
        return len(layouts.by(layout).columns)
    except Layout.DoesNotExist:
        return 1


def _take(server: int, rows: list[Stored], gathered: Gathered) -> None:
    parts = list(_parts(server, rows, gathered))
    hours = [(hour, _measured(whole)) for hour, whole in tiers.by_span(rollups.overlay(parts), HOUR)]
    hours = [(hour, part) for hour, part in hours if len(part.keys)]
    chunks = [
        Chunk(
            server_id=server, tier=RAW, span=hour, part=rows[-1][0], start=int(part.times[0]),
            end=int(part.times[-1]), data=codec.encode(part.times, part.keys, part.values),
        )
        for hour, part in hours
    ]  # fmt: skip
    rolled = [(hour, rollups.reduce(part, STEP)) for hour, part in hours]
    # All of it, or nothing where something fails.
    gathered.chunks += chunks
    for hour, buckets in rolled:
        gathered.rolled[hour].append((server, buckets))


def _measured(part: Part) -> Part:
    """Without columns in which nothing was measured."""
    known = ~np.isnan(part.values).all(axis=0)
    return part if known.all() else Part(part.times, part.keys[known], part.values[:, known])


def _parts(server: int, rows: list[Stored], gathered: Gathered) -> Iterator[Part]:
    """Runs of rows of one layout as one matrix each."""
    for layout_id, run in groupby(rows, key=lambda row: row[2]):
        layout = layouts.by(layout_id)
        stored = list(run)
        times, values = blob.joined([row[4] for row in stored], len(layout.columns))
        if not len(times):
            continue
        last = int(times.max())
        gathered.use(server, layout_id, Use(int(times.min()), last, min(last, max(row[3] for row in stored))))
        keys = layout.series
        if not keys.all():  # a refused name has no series
            keys, values = keys[keys > 0], values[:, keys > 0]
        yield from rollups.single_keys(Part(times, keys, values))


def _write_chunks(gathered: Gathered) -> None:
    """What stands there under the same key holds the same rows, or is merged with others already: it stays."""
    if gathered.chunks:
        Chunk.objects.bulk_create(gathered.chunks, ignore_conflicts=True)
        gathered.chunks.clear()
        time.sleep(BREATH)


def _write_pieces(block: int, upto: int, gathered: Gathered) -> None:
    rows: list[FleetChunk] = []
    # What cannot be made now is made of the chunks, once their hour is merged.
    rolled = gathered.rolled
    apart.each(
        list(rolled), lambda hour: rows.extend(pieces.rows(block, hour, upto, rolled[hour])), "By metric, an hour"
    )
    for place in range(0, len(rows), WRITTEN_AT_ONCE):
        FleetChunk.objects.bulk_create(rows[place : place + WRITTEN_AT_ONCE], ignore_conflicts=True)
        time.sleep(BREATH)
    gathered.rolled.clear()
