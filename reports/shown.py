"""Runs, schedules and the parts of a report as the pages show them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.services import mail_ready as ready
from core import zones
from core.registry import Unknown
from reports import saying
from reports.document import Cell, Chart, Document, Section
from reports.kinds import kinds
from reports.models import CANCELLED, DONE, FAILED, OPEN, RUNNING, Run, Schedule
from reports.periods import Period
from reports.services import mailing, recipients

ROWS = 100
WIDE = 1000.0
RIGHT = {"count", "number", "percent", "fine", "duration", "bytes"}


def moment(at: datetime) -> str:
    return saying.moment(at)


def title(kind: str) -> str:
    try:
        return str(kinds.get(kind).title)
    except Unknown:  # of a package that is not installed any more
        return kind


def run(one: Run) -> dict[str, Any]:
    zone = zones.find(one.zone) or zones.UTC
    unsent = "" if one.schedule is None else _unsent(one)
    said = unsent or one.said
    return {
        "uuid": one.uuid, "title": one.schedule.name if one.schedule else title(one.kind),
        "period": str(Period(one.period, one.start, one.end, zone)), "selector": one.selector,
        "state": one.state, "word": _("Not mailed") if unsent else _word(one),
        "tone": "crit" if unsent else _tone(one), "unsent": _(unsent) if unsent else "", "open": one.state in OPEN,
        "progress": one.progress, "said": _(said) if said else "",
        "servers": one.servers, "created_at": one.created_at,
        "gone": one.state == DONE and not one.bytes, "failed": one.state in {FAILED, CANCELLED},
    }  # fmt: skip


def _unsent(one: Run) -> str:
    """Why a mail of it did not go out."""
    return next((mail.error for mail in one.sendings.all() if mail.sent_at is None and mail.error), "")


def _word(one: Run) -> str:
    return {
        DONE: _("Done"), FAILED: _("Failed"), CANCELLED: _("Called off"), RUNNING: _("Being made"),
    }.get(one.state, _("Waiting"))  # fmt: skip


def _tone(one: Run) -> str:
    return {DONE: "ok", FAILED: "crit", CANCELLED: "off"}.get(one.state, "info")


def schedule(one: Schedule) -> dict[str, Any]:
    fault = mailing.NO_SERVER if one.enabled and not ready() else one.fault
    often = {"week": _("each Monday"), "month": _("each first of the month")}[one.rhythm]
    return {
        "uuid": one.uuid, "name": one.name, "team": one.team.name, "kind": title(one.kind), "often": often,
        "hour": f"{one.hour:02}:00", "zone": one.zone, "to": recipients(one), "enabled": one.enabled,
        "next_at": one.next_at, "fault": _(fault) if fault else "",
    }  # fmt: skip


def sections(document: Document) -> list[dict[str, Any]]:
    return [_section(one) for one in document.sections]


def _section(section: Section) -> dict[str, Any]:
    table = section.table
    rows = table.first(ROWS) if table else []
    columns = table.columns if table else []
    right = [one.kind in RIGHT for one in columns]
    return {
        "key": section.key, "title": section.title, "note": section.note,
        "figures": [{"title": one.title, "cell": one.cell} for one in section.figures],
        "chart": _chart(section.chart) if section.chart else None,
        "heads": [{"title": one.title, "right": side} for one, side in zip(columns, right, strict=True)],
        "rows": [[_cell(cell, side) for cell, side in zip(row, right, strict=True)] for row in rows],
        "more": max(0, len(table.rows) - ROWS) if table and not table.short else 0,
        "cut": table.cut if table else None,
    }  # fmt: skip


def _cell(cell: Cell, right: bool) -> dict[str, Any]:
    return {"shown": cell.shown, "href": cell.href, "tone": cell.tone, "right": right}


def _chart(chart: Chart) -> dict[str, Any]:
    """Bars in thousandths of the room there is, so that a picture needs no script and no style."""
    bars = []
    for bar in chart.bars:
        x, parts = 0.0, []
        for value, tone in bar.parts:
            width = WIDE * value / chart.most if chart.most else 0.0
            if width > 0:
                parts.append({"x": f"{x:.1f}", "width": f"{max(width, 2.0):.1f}", "tone": tone or "info"})
            x += width
        bars.append({"label": bar.label, "parts": parts, "shown": bar.shown, "href": bar.href})
    return {
        "title": chart.title,
        "bars": bars,
        "legend": [{"tone": tone, "word": word} for tone, word in chart.legend],
    }
