"""Availability: how long servers, teams and checks were up, and what was planned, unknown and down beside it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from reports import late, looked, saying, windows
from reports.document import Bar, Cell, Chart, Column, Figure, Section, Table, Tone
from reports.engine.availability import Shares, Window, budget, judged, met
from reports.engine.silence import limit
from reports.engine.spans import joined, without
from reports.kinds.base import Asked, Kind, kinds
from reports.reach import Reader
from reports.scope import Machine

WORST = 10
MOST_OUTAGES = 1000
NAMED = 5
WHOLE, LITTLE = 0.995, 0.1
"""Shares of the time: from the one on it was watched throughout, below the other a percentage tells little."""

Windows = dict[str, list[Window]]


@dataclass(slots=True)
class Judged:
    """What came of one server."""

    machine: Machine
    shares: Shares
    unheard: int = 0
    """Milliseconds in which it was up by samples that came later."""


@kinds.register("availability")
class Availability(Kind):
    title: ClassVar[str | Promise] = gettext_lazy("Availability")
    about: ClassVar[str | Promise] = gettext_lazy(
        "How long servers, teams and checks were up, against what was promised. Planned and unknown time apart."
    )

    def sections(self, asked: Asked) -> list[Section]:
        reader = Reader(asked.scope.start, asked.scope.end, asked.part(0.0, 0.85))
        found = servers(asked, reader)
        asked.step(0.9)
        checked = _checks(asked, reader)
        _say(asked, found)
        sections = [_whole(asked, found), _servers(asked, found)]
        if len(asked.scope.teams) > 1:
            sections.append(_teams(asked, found))
        sections.append(checked)
        sections.append(_outages(asked, found))
        return sections


def servers(asked: Asked, reader: Reader) -> list[Judged]:
    """Each server of the scope, shared out."""
    scope = asked.scope
    away = reader.away()
    silent = reader.silent(scope.machines)
    planned = windows.of(scope.machines, scope.start, scope.end)
    told = late.told(scope.living, scope.start, scope.end)
    found = []
    for machine in scope.machines:
        life = machine.life(scope.start, scope.end)
        if life[0] < life[1]:
            spans = machine.silent if machine.number is None else silent[machine.number]
            shares = judged([life], spans, away, planned.get(machine.uuid, []))
            unheard = told.get(machine.number or 0, [])
            unheard_for = late.up(unheard, without([life], joined(spans)), limit(machine.interval)) if unheard else 0
            found.append(Judged(machine, shares, unheard_for))
    return found


def total(shares: list[Shares]) -> Shares:
    found = Shares()
    for one in shares:
        found.add(one)
    return found


def _say(asked: Asked, found: list[Judged]) -> None:
    whole = total([one.shares for one in found])
    if whole.percent is None:
        nothing = _("No server has time that counts here: nothing was known of it, or all was planned.")
        asked.sentences.append(nothing if found else _("No server was watched in this time."))
        _say_unheard(asked)
        return
    broken = sum(met(one.shares, asked.target) is False for one in found)
    down = sum(bool(one.shares.downs) for one in found)
    asked.busy = asked.busy or bool(down)
    asked.sentences.append(_headline(asked, found, whole))
    _say_unheard(asked)
    if broken:
        text = ngettext("%(n)d server stayed below %(target)s.", "%(n)d servers stayed below %(target)s.", broken)
        asked.sentences.append(text % {"n": broken, "target": saying.promise(asked.target)})
    elif down:
        asked.sentences.append(_("Every server kept %(target)s.") % {"target": saying.promise(asked.target)})
    else:
        asked.sentences.append(_("No server was down."))
    _say_late(asked, found)


def _say_late(asked: Asked, found: list[Judged]) -> None:
    late_ones = sorted((one for one in found if one.unheard), key=lambda one: -one.unheard)
    if late_ones:
        named = [f"{one.machine.name} {saying.duration(one.unheard / 1000)}" for one in late_ones[:NAMED]]
        named += ["…"] if len(late_ones) > NAMED else []
        asked.sentences.append(
            _("Not heard for a while, but up by their own later samples: %(servers)s.")
            % {"servers": ", ".join(named)}
        )


def _say_unheard(asked: Asked) -> None:
    waiting = sum(not one.heard for one in asked.scope.machines)
    if waiting:
        text = ngettext(
            "%(n)d server has not reported yet: it does not count.",
            "%(n)d servers have not reported yet: they do not count.",
            waiting,
        )
        asked.sentences.append(text % {"n": waiting})


def _headline(asked: Asked, found: list[Judged], whole: Shares) -> str:
    """How long that was watched stands beside it where it is not the whole time."""
    percent, period = _percent(whole).shown, asked.scope.end - asked.scope.start
    mean = whole.lived // len(found)
    if mean > WHOLE * period:
        return _("Together the servers were up %(percent)s of the time that counts.") % {"percent": percent}
    facts = {"percent": percent, "watched": saying.duration(mean / 1000), "period": saying.duration(period / 1000)}
    if mean < LITTLE * period:
        text = _(
            "Too little was watched to judge the whole time: on average %(watched)s of %(period)s. "
            "Of that the servers were up %(percent)s."
        )
    else:
        text = _(
            "Together the servers were up %(percent)s of the time that counts. "
            "On average they were watched for %(watched)s of %(period)s."
        )
    return text % facts


def _percent(shares: Shares, href: str = "", tone: Tone = "") -> Cell:
    """With as many places as the time bears that counts."""
    if shares.percent is None:
        return Cell(None, saying.NOTHING, href, tone)
    return Cell(shares.percent, saying.fine(shares.percent, saying.borne(shares.up + shares.down)), href, tone)


def _whole(asked: Asked, found: list[Judged]) -> Section:
    whole = total([one.shares for one in found])
    kept = sum(met(one.shares, asked.target) is True for one in found)
    counted = sum(one.shares.percent is not None for one in found)
    figures = [
        Figure(_("Availability"), _percent(whole, tone=_tone(whole, asked.target))),
        Figure(
            _("Kept %(target)s") % {"target": saying.promise(asked.target)},
            Cell(kept, _("%(n)d of %(all)d") % {"n": kept, "all": counted}, "#servers"),
        ),
        Figure(_("Down"), saying.cell(whole.down / 1000, "duration", href="#outages")),
        Figure(_("Planned"), saying.cell(whole.planned / 1000, "duration")),
        Figure(_("Unknown"), saying.cell(whole.unknown / 1000, "duration")),
    ]
    return Section("whole", _("All servers"), NOTE(), figures, _worst(asked, found))


def NOTE() -> str:  # noqa: N802 - a text in the reader's language
    return _(
        "Availability is the time up as a share of the time up and down. Planned is silence inside a silence or "
        "pause that was set before it began; unknown is silence while Watchkeeper itself was away. Neither counts."
    )


def _worst(asked: Asked, found: list[Judged]) -> Chart | None:
    bad = sorted((one for one in found if _missed(one)), key=lambda one: (-_missed(one), one.machine.name))[:WORST]
    if not bad:
        return None
    bars = [
        Bar(
            one.machine.name,
            [
                (one.shares.down / 1000, "crit"),
                (one.shares.unknown / 1000, "off"),
                (one.shares.planned / 1000, "info"),
            ],
            saying.duration(_missed(one) / 1000),
            asked.link(one.machine),
        )
        for one in bad
    ]
    most = max(sum(value for value, _tone in bar.parts) for bar in bars)
    legend: list[tuple[Tone, str]] = [("crit", _("down")), ("off", _("unknown")), ("info", _("planned"))]
    return Chart(_("Time not up, the longest first"), bars, most, legend)


def _missed(one: Judged) -> int:
    return one.shares.lived - one.shares.up


def _badness(one: Judged) -> tuple[int, int, str]:
    return -one.shares.down, one.shares.up - one.shares.lived, one.machine.name


def _tone(shares: Shares, target: float) -> Tone:
    kept = met(shares, target)
    return "" if kept is None else "ok" if kept else "crit"


def _columns(first: list[Column]) -> list[Column]:
    return [
        *first,
        Column("availability", _("Availability"), "fine"),
        Column("down", _("Down"), "duration"),
        Column("outages", _("Outages"), "count"),
        Column("longest", _("Longest"), "duration"),
        Column("left", _("Left of the promise"), "duration"),
        Column("planned", _("Planned"), "duration"),
        Column("unknown", _("Unknown"), "duration"),
        Column("watched", _("Watched"), "duration"),
    ]


def _cells(shares: Shares, target: float, href: str, longest: str = "") -> list[Cell]:
    most = max((end - start for start, end in shares.downs), default=0)
    return [
        _percent(shares, href, _tone(shares, target)),
        saying.cell(shares.down / 1000, "duration"),
        saying.cell(len(shares.downs), "count"),
        saying.cell(most / 1000 if most else None, "duration", href=longest),
        saying.cell(budget(shares, target) / 1000 if shares.percent is not None else None, "duration"),
        saying.cell(shares.planned / 1000, "duration"),
        saying.cell(shares.unknown / 1000, "duration"),
        saying.cell(shares.lived / 1000, "duration"),
    ]


def _servers(asked: Asked, found: list[Judged]) -> Section:
    columns = _columns([Column("server", _("Server")), Column("team", _("Team"))])
    rows = []
    for one in sorted(found, key=_badness):
        longest = max(one.shares.downs, key=lambda span: span[1] - span[0], default=None)
        name = one.machine.name
        if one.machine.removed:
            name = gone(name, one.machine.ended)
        where = asked.link(one.machine)
        rows.append(
            [
                Cell(one.machine.name, name, where),
                Cell(asked.scope.teams.get(one.machine.team, "")),
                *_cells(one.shares, asked.target, where, asked.link(one.machine, *longest) if longest else ""),
            ]
        )
    return Section("servers", _("Servers"), table=saying.table(columns, [[_text(c) for c in row] for row in rows]))


def gone(name: str, ended: int | None) -> str:
    """What a server or check is called that may have been removed in the meantime."""
    if ended is None:
        return name
    return _("%(name)s (removed on %(day)s)") % {"name": name, "day": saying.day(ended / 1000)}


def _text(cell: Cell) -> Cell:
    cell.shown = cell.shown or saying.shown(cell.value, "text")
    return cell


def _teams(asked: Asked, found: list[Judged]) -> Section:
    by_team: dict[int, list[Shares]] = defaultdict(list)
    for one in found:
        by_team[one.machine.team].append(one.shares)
    columns = _columns([Column("team", _("Team")), Column("servers", _("Servers"), "count")])
    rows = [
        [saying.cell(name), saying.cell(len(by_team[team]), "count"), *_cells(total(by_team[team]), asked.target, "")]
        for team, name in sorted(asked.scope.teams.items(), key=lambda item: item[1])
        if by_team[team]
    ]
    return Section("teams", _("Teams"), table=Table(columns, rows))


def _checks(asked: Asked, reader: Reader) -> Section:
    columns = _columns([Column("check", _("Check")), Column("of", _("Server"))])
    rows = []
    seen = list(looked.checks(asked, asked.team, reader))
    planned = windows.of([one.machine for one in seen], reader.start, reader.end)
    for one in seen:
        shares = judged([one.life], one.bad, [], planned.get(one.machine.uuid, []), one.blind)
        where = f"/checks/{one.uuid}/?from={reader.start // 1000}&to={reader.end // 1000}"
        where = where if one.removed is None else ""
        name = Cell(one.name, gone(one.name, one.removed), where)
        rows.append([name, saying.cell(one.of), *_cells(shares, asked.target, where)])
    note = "" if rows else _("There are no checks here.")
    return Section("checks", _("Checks"), note, table=Table(columns, rows) if rows else None)


def _outages(asked: Asked, found: list[Judged]) -> Section:
    spans = sorted(
        ((start, end, one.machine) for one in found for start, end in one.shares.downs),
        key=lambda item: (item[0] - item[1], item[0]),
    )
    columns = [
        Column("server", _("Server")),
        Column("from", _("From"), "moment"),
        Column("to", _("To"), "moment"),
        Column("lasted", _("Lasted"), "duration"),
    ]
    rows = [
        [
            saying.cell(machine.name, href=asked.link(machine, start - 900_000, end + 900_000)),
            saying.cell(start / 1000, "moment"),
            saying.cell(end / 1000, "moment") if end < asked.scope.end else Cell(None, _("still down")),
            saying.cell((end - start) / 1000, "duration"),
        ]
        for start, end, machine in spans[:MOST_OUTAGES]
    ]
    note = "" if rows else _("No server was down.")
    if len(spans) > MOST_OUTAGES:
        note = _("The longest %(n)d of %(all)d.") % {"n": MOST_OUTAGES, "all": len(spans)}
    return Section("outages", _("Outages"), note, table=Table(columns, rows) if rows else None)
