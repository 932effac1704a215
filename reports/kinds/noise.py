"""Noise: which rules cried most, and how often nobody had to do anything."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

from django.db.models import Count
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from alerts.models import Delivery, Notice
from reports import saying
from reports.document import Bar, Cell, Chart, Column, Figure, Section, Table
from reports.kinds.base import Asked, Kind, kinds
from reports.kinds.incidents import Told, told

SHORT = 300  # seconds: over before anybody could have done something
LOUDEST = 10
SLICE = 500
ACTED = ("acknowledged", "note")


@dataclass(slots=True)
class Rule:
    """What came of one rule."""

    name: str
    href: str
    incidents: int = 0
    alone: int = 0
    short: int = 0
    messages: int = 0


@kinds.register("noise")
class Noise(Kind):
    title: ClassVar[str | Promise] = gettext_lazy("Noise")
    about: ClassVar[str | Promise] = gettext_lazy(
        "Which rules cried most and how often nobody acted: where to raise a limit, or to wait longer."
    )

    def sections(self, asked: Asked) -> list[Section]:
        rows = told(asked)
        asked.step(0.4)
        rules = of_rules(rows)
        asked.step(0.9)
        loud = sum(rule.alone for rule in rules)
        if rows:
            asked.busy = True
            asked.sentences.append(_said(len(rows), loud))
        else:
            asked.sentences.append(_("No rule cried."))
        return [_figures(rows, rules), _table(rules)]


def _said(count: int, alone: int) -> str:
    if not alone:
        return _("Somebody acted on every incident.")
    if alone == count:
        text = ngettext("Nobody acted on the incident.", "Nobody acted on any of the %(n)d incidents.", count)
        return text % {"n": count}
    text = _("Of %(n)d incidents nobody acted on %(alone)d, which is %(share)s.")
    return text % {"n": count, "alone": alone, "share": saying.percent(100 * alone / count)}


def of_rules(rows: list[Told]) -> list[Rule]:
    """The loudest first: those whose incidents ended without anybody doing anything."""
    pks = [one.incident.pk for one in rows]
    acted = {one.incident.pk for one in rows if one.taken}
    messages: dict[int, int] = defaultdict(int)
    for place in range(0, len(pks), SLICE):
        some = pks[place : place + SLICE]
        acted.update(Notice.objects.filter(incident__in=some, kind__in=ACTED).values_list("incident", flat=True))
        sent = Delivery.objects.filter(notice__incident__in=some, state="sent").order_by().values("notice__incident")
        for row in sent.annotate(count=Count("pk")):
            messages[row["notice__incident"]] += row["count"]
    found: dict[int | None, Rule] = {}
    for one in rows:
        rule = one.incident.rule
        name = rule.name if rule else _("no rule any more")
        href = f"/rules/{rule.uuid}/edit/" if rule and not rule.removed_at else ""
        entry = found.setdefault(rule.pk if rule else None, Rule(name, href))
        entry.incidents += 1
        entry.alone += one.incident.pk not in acted
        entry.short += one.to_end is not None and one.to_end < SHORT and one.incident.pk not in acted
        entry.messages += messages[one.incident.pk]
    return sorted(found.values(), key=lambda rule: (-rule.alone, -rule.incidents, rule.name))


def _figures(rows: list[Told], rules: list[Rule]) -> Section:
    alone = sum(rule.alone for rule in rules)
    figures = [
        Figure(_("Incidents"), saying.cell(len(rows), "count", href="#rules")),
        Figure(_("Without action"), saying.cell(alone, "count", href="#rules", tone="warn" if alone else "ok")),
        Figure(_("Messages"), saying.cell(sum(rule.messages for rule in rules), "count", href="#rules")),
    ]
    note = _("Without action: nobody acknowledged it or wrote a note to it, from its beginning until now.")
    bars = [
        Bar(rule.name, [(rule.alone, "warn"), (rule.incidents - rule.alone, "ok")], _share(rule), rule.href)
        for rule in rules[:LOUDEST]
    ]
    most = max((rule.incidents for rule in rules), default=0)
    legend = [("warn", _("without action")), ("ok", _("with action"))]
    chart = Chart(_("The loudest rules"), bars, most, legend) if bars else None  # type: ignore[arg-type]
    return Section("figures", _("In figures"), note, figures, chart)


def _share(rule: Rule) -> str:
    """The bar is as long as all of them, so the number beside it says both."""
    return _("%(n)d of %(all)d") % {"n": rule.alone, "all": rule.incidents}


def _table(rules: list[Rule]) -> Section:
    columns = [
        Column("rule", _("Rule")),
        Column("incidents", _("Incidents"), "count"),
        Column("alone", _("Without action"), "count"),
        Column("share", _("Share"), "percent"),
        Column("short", _("Over within 5 minutes"), "count"),
        Column("messages", _("Messages"), "count"),
    ]
    rows: list[list[Cell]] = [
        [
            saying.cell(rule.name, href=rule.href),
            saying.cell(rule.incidents, "count"),
            saying.cell(rule.alone, "count"),
            saying.cell(100 * rule.alone / rule.incidents, "percent"),
            saying.cell(rule.short, "count"),
            saying.cell(rule.messages, "count"),
        ]
        for rule in rules
    ]
    return Section(
        "rules", _("Rules"), "" if rows else _("No rule cried."), table=Table(columns, rows) if rows else None
    )
