"""Who is on call when: layers of turns, later ones over earlier ones, overrides on top. No Django, no clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from alerts import walls

AHEAD = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Turns:
    """People who follow each other, each for so many days, handed over at a time of day."""

    people: tuple[str | None, ...]  # None: somebody who may not be told any more; the turn stays, as a gap
    days: int
    starts_on: date
    hand_over: time
    ends_on: date | None = None
    hours_from: time | None = None
    hours_until: time | None = None
    weekdays: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Takeover:
    """Somebody takes a time over from whoever would have it."""

    person: str | None
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    zone: str
    layers: tuple[Turns, ...] = ()
    overrides: tuple[Takeover, ...] = ()


@dataclass(frozen=True, slots=True)
class Shift:
    """One stretch of time and who has it; nobody: a gap."""

    person: str | None
    start: datetime
    end: datetime


def on_call(plan: Plan, at: datetime) -> str | None:
    for taken in reversed(plan.overrides):
        if taken.person is not None and taken.start <= at < taken.end:
            return taken.person
    zone = ZoneInfo(plan.zone)
    for layer in reversed(plan.layers):
        person = _turn(layer, at, zone)
        if person is not None:
            return person
    return None


def shifts(plan: Plan, start: datetime, end: datetime) -> list[Shift]:
    """The whole range, gaps included, in order; what one person has in a row is one shift."""
    edges = sorted({start, end, *(edge for edge in _edges(plan, start, end) if start < edge < end)})
    found: list[Shift] = []
    for first, last in pairwise(edges):
        person = on_call(plan, first)
        if found and found[-1].person == person:
            found[-1] = Shift(person, found[-1].start, last)
        else:
            found.append(Shift(person, first, last))
    return found


def gaps(plan: Plan, start: datetime, end: datetime) -> list[Shift]:
    return [shift for shift in shifts(plan, start, end) if shift.person is None]


def _turn(layer: Turns, at: datetime, zone: ZoneInfo) -> str | None:
    if not layer.people or not _on_duty(layer, at, zone):
        return None
    day = at.astimezone(zone).date()
    if at < walls.moment(day, layer.hand_over, zone):
        day -= walls.DAY
    if day < layer.starts_on or (layer.ends_on is not None and day > layer.ends_on):
        return None
    return layer.people[(day - layer.starts_on).days // layer.days % len(layer.people)]


def _on_duty(layer: Turns, at: datetime, zone: ZoneInfo) -> bool:
    if layer.hours_from is None or layer.hours_until is None:
        return not layer.weekdays or at.astimezone(zone).weekday() in layer.weekdays
    return walls.covering(at, layer.hours_from, layer.hours_until, layer.weekdays, zone) is not None


def _edges(plan: Plan, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every moment at which somebody else may have it."""
    for taken in plan.overrides:
        yield from (taken.start, taken.end)
    zone = ZoneInfo(plan.zone)
    for layer in plan.layers:
        day, last = start.astimezone(zone).date() - walls.DAY, end.astimezone(zone).date()
        while day <= last:
            yield walls.moment(day, layer.hand_over, zone)
            if layer.hours_from is not None and layer.hours_until is not None:
                yield from walls.span(day, layer.hours_from, layer.hours_until, zone)
            elif layer.weekdays:
                yield walls.moment(day, time(), zone)
            day += walls.DAY
