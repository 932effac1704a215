"""Incidents of a time: how many, how soon somebody took them, and how soon they were over."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from statistics import mean, median
from typing import ClassVar

from django.db.models import Exists, Min, OuterRef, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from accounts.base import REPORT
from alerts.models import Alert, Incident, Notice
from alerts.services import said
from reports import saying
from reports.document import Bar, Cell, Chart, Column, Figure, Section, Table
from reports.kinds.base import Asked, Kind, kinds

MOST = 2000
RULES = 10
SLICE = 500


@dataclass(slots=True)
class Told:
    """One incident, with what people did."""

    incident: Incident
    taken: datetime | None

    @property
    def to_take(self) -> float | None:
        return (self.taken - self.incident.opened_at).total_seconds() if self.taken else None

    @property
    def to_end(self) -> float | None:
        over = self.incident.resolved_at
        return (over - self.incident.opened_at).total_seconds() if over else None


@kinds.register("incidents")
class Incidents(Kind):
    title: ClassVar[str | Promise] = gettext_lazy("Incidents")
    about: ClassVar[str | Promise] = gettext_lazy(
        "What went wrong, how long until somebody took it (MTTA) and until it was over (MTTR)."
    )

    def sections(self, asked: Asked) -> list[Section]:
        rows = told(asked)
        asked.step(0.6)
        own = [one for one in rows if one.incident.parent_id is None]
        _say(asked, own)
        return [_figures(asked, rows, own), _list(rows)]


def of(asked: Asked) -> QuerySet[Incident]:
    """Those that began in this time, of what the report is about."""
    mine = _real() if asked.user is None else Incident.objects.visible_to(asked.user, REPORT)
    mine = mine.filter(opened_at__gte=asked.start, opened_at__lt=asked.end)
    if asked.team is not None:
        mine = mine.filter(team=asked.team)
    if asked.whole and asked.scope.out:
        # What the report leaves out it leaves out here as well; of an incident that is of others too it tells.
        alerts = Alert.objects.filter(incident=OuterRef("pk"))
        others = Exists(alerts.exclude(server__in=asked.scope.out))
        mine = mine.filter(~Exists(alerts.filter(server__in=asked.scope.out)) | others)
    if not asked.whole:
        here = Alert.objects.filter(server__in=list(asked.scope.living)).values("incident")
        mine = mine.filter(pk__in=here)
    return mine


def _real() -> QuerySet[Incident]:
    """All but what is simulated: of that nobody gets mail."""
    alerts = Alert.objects.filter(incident=OuterRef("pk"))
    return Incident.objects.filter(~Exists(alerts) | Exists(alerts.filter(server__demo=False)))


def told(asked: Asked) -> list[Told]:
    rows = list(of(asked).select_related("rule", "acknowledged_by").order_by("opened_at", "pk"))
    taken: dict[int, datetime] = {}
    for place in range(0, len(rows), SLICE):
        some = [row.pk for row in rows[place : place + SLICE]]
        first = Notice.objects.filter(incident__in=some, kind="acknowledged").order_by().values("incident")
        taken |= {row["incident"]: row["at__min"] for row in first.annotate(Min("at"))}
    return [Told(row, taken.get(row.pk) or row.acknowledged_at) for row in rows]


def _say(asked: Asked, own: list[Told]) -> None:
    if not own:
        asked.sentences.append(_("There was no incident."))
        return
    asked.busy = True
    text = ngettext("%(n)d incident began in this time.", "%(n)d incidents began in this time.", len(own))
    asked.sentences.append(text % {"n": len(own)})
    if waiting := sum(one.incident.resolved_at is None for one in own):
        more = ngettext("%(n)d of them is still open.", "%(n)d of them are still open.", waiting)
        asked.sentences.append(more % {"n": waiting})


def _figures(asked: Asked, rows: list[Told], own: list[Told]) -> Section:
    take = [one.to_take for one in own if one.to_take is not None]
    end = [one.to_end for one in own if one.to_end is not None]
    critical = sum(one.incident.severity == "critical" for one in own)
    figures = [
        Figure(_("Incidents"), saying.cell(len(own), "count", href="#list")),
        Figure(_("Critical"), saying.cell(critical, "count", href="#list", tone="crit" if critical else "ok")),
        Figure(_("Mean time to acknowledge"), saying.cell(mean(take) if take else None, "duration", href="#list")),
        Figure(_("Mean time to resolve"), saying.cell(mean(end) if end else None, "duration", href="#list")),
        Figure(_("Median to resolve"), saying.cell(median(end) if end else None, "duration", href="#list")),
    ]
    note = _(
        "Incidents: %(own)d; acknowledged: %(taken)d, over: %(over)d. The means count those. "
        "Explained by another, so listed and not counted: %(more)d."
    ) % {"own": len(own), "taken": len(take), "over": len(end), "more": len(rows) - len(own)}
    return Section("figures", _("In figures"), note, figures, _by_rule(own))


def _by_rule(own: list[Told]) -> Chart | None:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    links: dict[str, str] = {}
    for one in own:
        rule = one.incident.rule
        name = rule.name if rule else _("no rule any more")
        counts[name][one.incident.severity] += 1
        links[name] = f"/rules/{rule.uuid}/edit/" if rule and not rule.removed_at else ""
    if not counts:
        return None
    bars = [
        Bar(name, [(found["critical"], "crit"), (found["warn"], "warn")], str(found.total()), links[name])
        for name, found in sorted(counts.items(), key=lambda item: (-item[1].total(), item[0]))[:RULES]
    ]
    most = max(sum(value for value, _tone in bar.parts) for bar in bars)
    return Chart(_("By rule"), bars, most, [("crit", _("critical")), ("warn", _("warning"))])


def _list(rows: list[Told]) -> Section:
    columns = [
        Column("incident", _("Incident")),
        Column("severity", _("Severity")),
        Column("began", _("Began"), "moment"),
        Column("taken", _("Acknowledged after"), "duration"),
        Column("by", _("By")),
        Column("over", _("Over after"), "duration"),
    ]
    listed = [
        [
            saying.cell(said.title(one.incident), href=f"/incidents/{one.incident.uuid}/"),
            severity(one.incident.severity),
            saying.cell(one.incident.opened_at.timestamp(), "moment"),
            saying.cell(one.to_take, "duration"),
            saying.cell(str(one.incident.acknowledged_by or "")),
            saying.cell(one.to_end, "duration") if one.to_end is not None else Cell(None, _("still open")),
        ]
        for one in reversed(rows[-MOST:])
    ]
    note = "" if rows else _("There was no incident.")
    if len(rows) > MOST:
        note = _("The newest %(n)d of %(all)d.") % {"n": MOST, "all": len(rows)}
    return Section("list", _("Incidents"), note, table=Table(columns, listed) if rows else None)


def severity(word: str) -> Cell:
    if word == "critical":
        return Cell(word, pgettext("severity", "critical"), tone="crit")
    return Cell(word, pgettext("severity", "warning"), tone="warn")
