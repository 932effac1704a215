"""The report card of what is learnt: how often servers were unusual, and what people said of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from metrics.store import parse, spoken
from ml.models import Card as Night
from ml.models import Episode, Watch
from reports import saying
from reports.document import Bar, Cell, Chart, Column, Figure, Section, Table
from reports.kinds.base import Asked, Kind, kinds
from reports.scope import Machine

WORST = 10
MOST = 1000
STAGES = {
    "waiting": gettext_lazy("not learnt yet"),
    "learning": gettext_lazy("learning"),
    "full": gettext_lazy("learnt"),
}


@dataclass(slots=True)
class Card:
    """One server's."""

    machine: Machine
    stage: str = "waiting"
    episodes: list[Episode] = field(default_factory=list)
    night: Night | None = None

    def answered(self, word: str) -> int:
        return sum(one.answer == word for one in self.episodes)


@kinds.register("anomalies")
class Anomalies(Kind):
    title: ClassVar[str | Promise] = gettext_lazy("Unusual behaviour")
    about: ClassVar[str | Promise] = gettext_lazy(
        "How often servers behaved unlike themselves, and how often people said that it mattered."
    )

    def sections(self, asked: Asked) -> list[Section]:
        cards = read(asked)
        found = [one for card in cards for one in card.episodes]
        judged = sum(card.stage != "waiting" for card in cards)
        if not judged:
            asked.sentences.append(_("Nothing is learnt of these servers yet: there is nothing to judge."))
        elif found:
            asked.busy = True
            text = ngettext(
                "%(n)d time a server behaved unlike itself.",
                "%(n)d times servers behaved unlike themselves.",
                len(found),
            )
            asked.sentences.append(text % {"n": len(found)})
        else:
            asked.sentences.append(_("No server behaved unlike itself."))
        return [_figures(asked, cards, found, judged), _table(asked, cards), _times(asked, cards)]


def read(asked: Asked) -> list[Card]:
    cards = {number: Card(machine) for number, machine in asked.scope.living.items()}
    for watch in Watch.objects.filter(server__in=list(cards)):
        cards[watch.server_id].stage = watch.stage
    for night in Night.objects.newest().filter(server__in=list(cards)):
        cards[night.server_id].night = night
    rows = Episode.objects.filter(server__in=list(cards), began_at__gte=asked.start, began_at__lt=asked.end)
    by_server: dict[int, list[Episode]] = defaultdict(list)
    for one in rows.order_by("began_at", "pk"):
        by_server[one.server_id].append(one)
    for number, listed in by_server.items():
        cards[number].episodes = listed
    return list(cards.values())


def _figures(asked: Asked, cards: list[Card], found: list[Episode], judged: int) -> Section:
    real = sum(card.answered("not_normal") for card in cards)
    false = sum(card.answered("normal") for card in cards)
    weeks = (asked.end - asked.start).total_seconds() / 604_800
    rate = len(found) / judged / weeks if judged else None
    # As the column below it says: who is still learning is watched already, but not learnt.
    learnt = sum(card.stage == "full" for card in cards)
    figures = [
        Figure(_("Learnt"), Cell(learnt, _("%(n)d of %(all)d") % {"n": learnt, "all": len(cards)}, "#servers")),
        Figure(_("Times unusual"), saying.cell(len(found), "count", href="#times")),
        Figure(
            _("Per server and week"), saying.cell(None if rate is None else round(rate, 2), "number", href="#servers")
        ),
        Figure(
            _("It mattered"),
            saying.cell(100 * real / (real + false) if real + false else None, "percent", href="#times"),
        ),
    ]
    note = _("It mattered: of the %(n)d that people answered, the share that was not normal.") % {"n": real + false}
    loud = sorted((card for card in cards if card.episodes), key=lambda card: -len(card.episodes))[:WORST]
    bars = [
        Bar(
            card.machine.name,
            [(card.answered("not_normal"), "crit"), (card.answered("normal"), "ok"), (card.answered(""), "info")],
            str(len(card.episodes)),
            asked.link(card.machine),
        )
        for card in loud
    ]
    legend = [("crit", _("not normal")), ("ok", _("normal")), ("info", _("no answer"))]
    most = max((len(card.episodes) for card in loud), default=0)
    chart = Chart(_("Most often unusual"), bars, most, legend) if bars else None  # type: ignore[arg-type]
    return Section("figures", _("In figures"), note, figures, chart)


def _table(asked: Asked, cards: list[Card]) -> Section:
    columns = [
        Column("server", _("Server")),
        Column("stage", _("Learnt")),
        Column("times", _("Times unusual"), "count"),
        Column("real", _("Not normal"), "count"),
        Column("false", _("Normal"), "count"),
        Column("open", _("No answer"), "count"),
        Column("peak", _("Highest score"), "number"),
        Column("f1", _("Found known faults (F1)"), "number"),
        Column("fpr", _("False alarms"), "fine"),
        Column("page", _("May page")),
    ]
    rows = [
        [
            saying.cell(card.machine.name, href=f"/servers/{card.machine.uuid}/model/"),
            Cell(card.stage, str(STAGES.get(card.stage, card.stage))),
            saying.cell(len(card.episodes), "count"),
            saying.cell(card.answered("not_normal"), "count"),
            saying.cell(card.answered("normal"), "count"),
            saying.cell(card.answered(""), "count"),
            saying.cell(round(max((one.peak for one in card.episodes), default=0.0), 2) or None, "number"),
            *_night(card),
        ]
        for card in sorted(cards, key=lambda card: (-len(card.episodes), card.machine.name))
    ]
    return Section("servers", _("Servers"), "" if rows else _("No server is meant."), table=Table(columns, rows))


def _night(card: Card) -> list[Cell]:
    """Its newest report card: measured at night with known faults put into what it had not seen."""
    night, where = card.night, f"/servers/{card.machine.uuid}/model/"
    if night is None:
        return [Cell(None, saying.NOTHING)] * 3
    return [
        saying.cell(None if night.f1 is None else round(night.f1, 3), "number", href=where),
        saying.cell(None if night.fpr is None else 100 * night.fpr, "fine", href=where),
        Cell(night.may_page, _("yes") if night.may_page else _("no")),
    ]


def _times(asked: Asked, cards: list[Card]) -> Section:
    columns = [
        Column("server", _("Server")),
        Column("began", _("Began"), "moment"),
        Column("lasted", _("Lasted"), "duration"),
        Column("peak", _("Highest score"), "number"),
        Column("what", _("Most unlike itself")),
        Column("answer", _("Answer")),
    ]
    rows = [_time(asked, card, one) for card in cards for one in card.episodes]
    rows.sort(key=lambda row: -row[1].value)
    note = "" if rows else _("No server behaved unlike itself.")
    return Section("times", _("Times"), note, table=Table(columns, rows[:MOST]) if rows else None)


def _time(asked: Asked, card: Card, one: Episode) -> list[Cell]:
    begin = round(one.began_at.timestamp() * 1000)
    end = round(one.ended_at.timestamp() * 1000) if one.ended_at else asked.scope.end
    top = one.top[0] if one.top else {}
    what = str(top.get("column", "")) if isinstance(top, dict) else ""
    answers = {"": _("no answer"), "normal": _("normal"), "not_normal": _("not normal")}
    return [
        saying.cell(card.machine.name, href=asked.link(card.machine, begin - 900_000, end + 900_000)),
        saying.cell(begin / 1000, "moment"),
        saying.cell((end - begin) / 1000, "duration") if one.ended_at else Cell(None, _("still")),
        saying.cell(round(one.peak, 2), "number"),
        Cell(what, _named(what)),
        Cell(one.answer, answers.get(one.answer, "")),
    ]


def _named(column: str) -> str:
    """A series as people call it; what cannot be read stays as it is."""
    try:
        metric, labels = parse(column)
    except ValueError:
        return column or saying.NOTHING
    return spoken(metric, dict(labels))
