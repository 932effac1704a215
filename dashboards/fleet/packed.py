"""Servers as rows: a thousand of them fit in a page and in a message of a second.

A row says what changes with each report; what a server is stands beside it, said once. `islands/fleet/packed.ts`
reads both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from dashboards.present import Shown, headline, health_of, state_of
from metrics.store import Newest, latest
from servers.models import Server
from servers.services import outdated

REACHES = ("new", "up", "late", "down", "paused")
HEALTHS = ("ok", "warn", "critical")
KEY = 12  # the last characters of a UUID: enough to tell a fleet apart, a third of its size
WORDS = ("os", "team", "role", "site", "environment", "tags")
FIELDS = (
    "pk", "uuid", "name", "os", "team_id", "role", "site", "environment", "tags", "demo", "offered", "agent",
    "paused", "interval",
)  # fmt: skip
Row = list[Any]
old = lru_cache(maxsize=1024)(outdated)  # a fleet runs few versions


def key_of(row: Server) -> str:
    return str(row.uuid)[-KEY:]


def state(reach: str, health: str) -> int:
    """Both as one small number."""
    return REACHES.index(reach) * len(HEALTHS) + HEALTHS.index(health)


def numbers(newest: Newest | None, base: float) -> Row:
    """When it was heard, in seconds from `base`, and its headline, as fine as a page can show it."""
    found = headline(newest)
    return [
        round(newest.received / 1000 - base, 1) if newest else None,
        _tenth(found["cpu"]), _tenth(found["memory"]), _tenth(found["disk"]),
        _three(found["net"]), None if found["load"] is None else round(found["load"], 2),
    ]  # fmt: skip


def _tenth(value: float | None) -> float | int | None:
    if value is None:
        return None
    short = round(value, 1)
    return int(short) if short == int(short) else short


def _three(value: float | None) -> int | None:
    """Three figures: a rate is read as 4.27 MB/s, never to the byte."""
    if value is None:
        return None
    whole = round(value)
    return round(whole, 3 - len(str(abs(whole)))) if abs(whole) > 999 else whole


def fleet(rows: Sequence[Any], teams: Mapping[int, str], base: float) -> Shown:
    """All of them (`FIELDS` of each), for the page; teams by their numbers, so that no row fetches its own."""
    health = health_of([row.pk for row in rows])
    words: dict[str, dict[Any, int]] = {name: {} for name in WORDS}
    known: dict[tuple[Any, ...], list[int]] = {}  # most servers are said by the same words as others
    packed = []
    for row in rows:
        said = (row.os, teams.get(row.team_id, ""), row.role, row.site, row.environment, tuple(map(str, row.tags)))
        if (places := known.get(said)) is None:
            places = known[said] = [_place(words[name], value) for name, value in zip(WORDS, said, strict=True)]
        packed.append(_whole(row, places, health.get(row.pk, "ok"), base))
    return {
        "base": base,
        **{name: [list(one) if name == "tags" else one for one in known] for name, known in words.items()},
        "rows": packed,
    }


def _whole(row: Any, places: list[int], health: str, base: float) -> Row:
    newest = latest.get(row.pk)
    reach, waiting = state_of(row, newest)
    flags = row.demo | waiting << 1 | bool(row.offered) << 2 | old(row.agent) << 3 | row.paused << 4
    return [str(row.uuid), row.name, *places, flags, row.interval, state(reach, health), *numbers(newest, base)]


def _place(known: dict[Any, int], value: Any) -> int:
    return known.setdefault(value, len(known))


def identity(row: Server) -> tuple[Any, ...]:
    """What a server is: as long as it stays the same, rows are enough."""
    return (
        row.name, tuple(row.tags), row.os, row.team_id, row.role, row.site, row.environment, row.interval,
        row.paused, row.agent, row.offered,
    )  # fmt: skip


def same(rows: Iterable[Server]) -> dict[int, tuple[Any, ...]]:
    return {row.pk: identity(row) for row in rows}
