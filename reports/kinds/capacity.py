"""Capacity: how full servers were, how fast their disks fill, and when they will be full."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from metrics.base import HOURS, Rolled
from metrics.store import DatabaseStore, parse, spoken
from ml.models import Forecast, Sizing
from reports import saying
from reports.document import Bar, Cell, Chart, Column, Figure, Section, Table, Tone
from reports.kinds.base import Asked, Kind, kinds
from reports.scope import DAY, Machine

WIDTH = 30 * DAY
WORST = 10
SOON = 30 * 86_400
SIZES = {"idle": gettext_lazy("idle"), "overloaded": gettext_lazy("too small"), "fits": gettext_lazy("fits")}
FULL = 85.0


@dataclass(slots=True)
class Used:
    """One resource of one server over the time."""

    total: float = 0.0
    count: float = 0.0
    high: float = float("nan")

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None

    @property
    def peak(self) -> float | None:
        return None if np.isnan(self.high) else self.high


@dataclass(slots=True)
class Disk:
    """The mount of a server that is fullest at the end."""

    mount: str = ""
    first: float = float("nan")
    last: float = float("nan")

    @property
    def grown(self) -> float | None:
        return None if np.isnan(self.first) or np.isnan(self.last) else self.last - self.first


@dataclass(slots=True)
class Room:
    machine: Machine
    cpu: Used = field(default_factory=Used)
    memory: Used = field(default_factory=Used)
    disk: Disk = field(default_factory=Disk)
    forecast: bool = False
    left: float | None = None
    low: float | None = None
    error: float | None = None
    what: str = ""
    size: str = ""


@kinds.register("capacity")
class Capacity(Kind):
    title: ClassVar[str | Promise] = gettext_lazy("Capacity")
    about: ClassVar[str | Promise] = gettext_lazy(
        "How full servers were, how fast they fill, and when they are full."
    )

    def sections(self, asked: Asked) -> list[Section]:
        rooms = read(asked)
        soon = [one for one in rooms if one.left is not None and one.left < SOON]
        if soon:
            asked.busy = True
            text = ngettext(
                "As it stands now, %(n)d server runs full within 30 days.",
                "As it stands now, %(n)d servers run full within 30 days.",
                len(soon),
            )
            asked.sentences.append(text % {"n": len(soon)})
        elif any(one.forecast for one in rooms):
            asked.sentences.append(_("As it stands now, no server is forecast to run full within 30 days."))
        else:
            asked.sentences.append(_("There are no forecasts for these servers yet; use and growth are measured."))
        return [_figures(asked, rooms), _table(asked, rooms)]


def read(asked: Asked) -> list[Room]:
    rooms = {number: Room(machine) for number, machine in asked.scope.living.items()}
    store, scope = DatabaseStore(), asked.scope
    # As the hours lie in the store: a window across two of its spans would open both.
    windows = list(range(scope.start - scope.start % WIDTH, scope.end, WIDTH))
    for place, span in enumerate(windows):
        begin, until = max(scope.start, span), min(scope.end, span + WIDTH) - 1
        for column, what in (("cpu_used_percent", "cpu"), ("memory_used_percent", "memory")):
            for rolled in store.fleet_range(column, begin, until, HOURS, rooms).values():
                _add(rooms, rolled, what)
        asked.step(0.7 * (place + 1) / len(windows))
    _disks(store, asked, rooms)
    asked.step(0.9)
    _forecasts(rooms)
    return list(rooms.values())


def _add(rooms: dict[int, Room], rolled: Rolled, what: str) -> None:
    if not len(rolled.t):
        return
    known = rolled.count > 0
    counts = rolled.count.sum(axis=0)
    totals = np.nansum(rolled.mean * rolled.count, axis=0)
    highs = np.max(rolled.high, axis=0, where=known, initial=-np.inf)
    for place, number in enumerate(rolled.series.tolist()):
        if number in rooms and counts[place]:
            used: Used = getattr(rooms[number], what)
            used.total += float(totals[place])
            used.count += float(counts[place])
            used.high = float(np.fmax(used.high, highs[place]))


def _disks(store: DatabaseStore, asked: Asked, rooms: dict[int, Room]) -> None:
    """The first and the last day: what lies between does not change how much it grew. Who came in between has its
    first day there.
    """
    scope = asked.scope
    last = store.fleet_range("disk_used_percent", max(scope.start, scope.end - DAY), scope.end - 1, HOURS, rooms)
    for key, rolled in last.items():
        for number, value in _edge(rolled, -1).items():
            if number in rooms and not value <= rooms[number].disk.last:
                rooms[number].disk = Disk(dict(key[1]).get("mount", ""), last=value)
    for begin, until in _beginnings(scope.start, scope.end, [one.machine.began for one in rooms.values()]):
        first = store.fleet_range("disk_used_percent", begin, until - 1, HOURS, rooms)
        for key, rolled in first.items():
            mount = dict(key[1]).get("mount", "")
            for number, value in _edge(rolled, 0).items():
                if number in rooms and rooms[number].disk.mount == mount and np.isnan(rooms[number].disk.first):
                    rooms[number].disk.first = value


def _beginnings(start: int, end: int, began: list[int]) -> list[tuple[int, int]]:
    """The first day, and as the hours lie in the store those months in which somebody came later."""
    months = sorted({at - at % WIDTH for at in began if start + DAY <= at < end})
    return [(start, min(end, start + DAY)), *((max(start, at), min(end, at + WIDTH)) for at in months)]


def _edge(rolled: Rolled, which: int) -> dict[int, float]:
    """The first or the last mean of each server."""
    found = {}
    for place, number in enumerate(rolled.series.tolist()):
        known = np.flatnonzero(rolled.count[:, place] > 0)
        if len(known):
            found[number] = float(rolled.mean[known[which], place])
    return found


def _forecasts(rooms: dict[int, Room]) -> None:
    """What of each server is full first, as was forecast last; and whether its size fits."""
    rows = Forecast.objects.filter(server__in=list(rooms))
    for one in rows:
        room = rooms[one.server_id]
        room.forecast = True
        if one.seconds_left is not None and (room.left is None or one.seconds_left < room.left):
            room.left, room.low, room.error = one.seconds_left, one.seconds_low, one.error
            room.what = spoken(one.metric, dict(parse(f"{one.metric}{one.labels}")[1]))
    for size in Sizing.objects.filter(server__in=list(rooms)):
        room = rooms[size.server_id]
        full = size.state == "fits" and room.left is not None and room.left < SOON
        # What runs full does not fit its work, however little its processors do.
        room.size = _("runs full") if full else str(SIZES.get(size.state, ""))


def _figures(asked: Asked, rooms: list[Room]) -> Section:
    cpu = [one.cpu.mean for one in rooms if one.cpu.mean is not None]
    memory = [one.memory.mean for one in rooms if one.memory.mean is not None]
    full = sum(one.disk.last >= FULL for one in rooms)
    soon = sum(one.left is not None and one.left < SOON for one in rooms)
    figures = [
        Figure(_("Processors, mean"), saying.cell(sum(cpu) / len(cpu) if cpu else None, "percent", href="#servers")),
        Figure(
            _("Memory, mean"), saying.cell(sum(memory) / len(memory) if memory else None, "percent", href="#servers")
        ),
        Figure(_("Disks above 85 %"), saying.cell(full, "count", href="#servers", tone="warn" if full else "ok")),
        Figure(_("Full within 30 days"), saying.cell(soon, "count", href="#servers", tone="crit" if soon else "ok")),
    ]
    fullest = sorted((one for one in rooms if not np.isnan(one.disk.last)), key=lambda one: -one.disk.last)[:WORST]
    bars = [
        Bar(
            f"{one.machine.name} {one.disk.mount}",
            [(one.disk.last, _tone(one.disk.last))],
            saying.percent(one.disk.last),
            asked.link(one.machine),
        )
        for one in fullest
    ]
    chart = Chart(_("The fullest disks"), bars, 100.0) if bars else None
    note = _("Forecasts and sizes are as they stand now; a past time does not change them.")
    return Section("figures", _("In figures"), note, figures, chart)


def _tone(percent: float) -> Tone:
    return "crit" if percent >= 95 else "warn" if percent >= FULL else "ok"


def _table(asked: Asked, rooms: list[Room]) -> Section:
    columns = [
        Column("server", _("Server")),
        Column("cpu", _("Processors, mean"), "percent"),
        Column("cpu_peak", _("Processors, peak"), "percent"),
        Column("memory", _("Memory, mean"), "percent"),
        Column("memory_peak", _("Memory, peak"), "percent"),
        Column("mount", _("Fullest disk")),
        Column("disk", _("Used"), "percent"),
        Column("grown", _("Change in points"), "number"),
        Column("left", _("Full in"), "duration"),
        Column("low", _("Not before"), "duration"),
        Column("what", _("What runs full")),
        Column("error", _("Forecasts were off by"), "percent"),
        Column("size", _("Its size")),
    ]
    rooms = sorted(
        rooms, key=lambda one: (one.left is None, one.left or 0, -np.nan_to_num(one.disk.last), one.machine.name)
    )
    rows = [_row(asked, one) for one in rooms]
    return Section("servers", _("Servers"), "" if rows else _("No server is meant."), table=Table(columns, rows))


def _row(asked: Asked, one: Room) -> list[Cell]:
    where = asked.link(one.machine)
    last = None if np.isnan(one.disk.last) else one.disk.last
    grown = None if one.disk.grown is None else round(one.disk.grown, 2)
    return [
        saying.cell(one.machine.name, href=where),
        saying.cell(one.cpu.mean, "percent", href=where),
        saying.cell(one.cpu.peak, "percent"),
        saying.cell(one.memory.mean, "percent", href=where),
        saying.cell(one.memory.peak, "percent"),
        saying.cell(one.disk.mount),
        saying.cell(last, "percent", tone=_tone(last) if last is not None else ""),
        saying.cell(grown, "number"),
        saying.cell(one.left, "duration", href="/capacity/" if one.left else ""),
        saying.cell(one.low, "duration"),
        saying.cell(one.what),
        saying.cell(None if one.error is None else 100 * one.error, "percent"),
        saying.cell(one.size),
    ]
