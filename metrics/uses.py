"""Which layouts a server reported by, from when to when, and how far its rows were judged."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.db.models import Max, Min

from metrics.layouts import layouts
from metrics.models import JournalRow, Uses

ASKED_AT_ONCE = 500
READ_AT_ONCE = 500_000


@dataclass(slots=True)
class Use:
    """Times in milliseconds; `judged` believes no clock that runs ahead of ours."""

    first: int
    last: int
    judged: int

    def widen(self, other: Use) -> None:
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.judged = max(self.judged, other.judged)


def seeds(place: int) -> Iterator[tuple[int, int, int]]:
    """Server, layout and the newest time that was judged, for a consumer that has read up to this place.

    What is sealed was read by every consumer. The journal first: rows move from there to `Uses`.
    """
    yield from list(_unsealed(place))
    yield from Uses.objects.values_list("server_id", "layout_id", "judged").iterator()


def _unsealed(place: int) -> Iterator[tuple[int, int, int]]:
    """In slices: a journal that was not sealed for days is larger than one statement may take."""
    first = JournalRow.objects.order_by("pk").values_list("pk", flat=True).first()
    for begin in range(place + 1 if first is None else first, place + 1, READ_AT_ONCE):
        rows = JournalRow.objects.filter(pk__gte=begin, pk__lte=min(place, begin + READ_AT_ONCE - 1))
        for row in rows.values("server_id", "layout_id").annotate(end=Max("end"), received=Max("received")):
            yield row["server_id"], row["layout_id"], min(row["end"], row["received"])


def firsts(unlike: tuple[str, ...] = ()) -> dict[int, int]:
    """The first sample of each server, in milliseconds; of columns that begin like these none counts."""
    newest = JournalRow.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    # Of a journal that was not sealed for days the newest will do: what is older comes when it is sealed.
    rows = JournalRow.objects.posted().filter(pk__gt=newest - READ_AT_ONCE).order_by()
    told = rows.values_list("server_id", "layout_id").annotate(at=Min("start"))
    # The journal first: rows move from there to `Uses`.
    listed = [*list(told), *Uses.objects.values_list("server_id", "layout_id", "first").iterator()]
    ours = {
        one: all(name.startswith(unlike) for name in layouts.by(one).columns) for one in {row[1] for row in listed}
    }
    found: dict[int, int] = {}
    for server, layout, at in listed:
        if not ours[layout]:
            found[server] = min(at, found.get(server, at))
    return found


def oldest(servers: Collection[int]) -> int | None:
    """About when the first of these told something, in milliseconds: cheap, for whoever only begins to ask."""
    sealed: int | None = Uses.objects.filter(server__in=servers).aggregate(at=Min("first"))["at"]
    if sealed is not None:
        return sealed
    waits: int | None = JournalRow.objects.posted().filter(server__in=servers).aggregate(at=Min("start"))["at"]
    return waits


def note(found: dict[tuple[int, int], Use]) -> None:
    """Widen what is known; saying the same twice changes nothing."""
    for row in _stored(found):
        found[row.server_id, row.layout_id].widen(Use(row.first, row.last, row.judged))
    rows = [
        Uses(server_id=server, layout_id=layout, first=use.first, last=use.last, judged=use.judged)
        for (server, layout), use in sorted(found.items(), key=lambda item: item[0])
    ]
    for place in range(0, len(rows), ASKED_AT_ONCE):
        Uses.objects.bulk_create(
            rows[place : place + ASKED_AT_ONCE],
            update_conflicts=True,
            unique_fields=["server", "layout"],
            update_fields=["first", "last", "judged"],
        )


def _stored(found: dict[tuple[int, int], Use]) -> Iterator[Uses]:
    servers = sorted({server for server, _ in found})
    for place in range(0, len(servers), ASKED_AT_ONCE):
        for row in Uses.objects.filter(server__in=servers[place : place + ASKED_AT_ONCE]):
            if (row.server_id, row.layout_id) in found:
                yield row
