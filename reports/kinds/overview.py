"""The overview for managers: the figures of every other kind on a page or two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from reports.document import Cell, Section, Table
from reports.kinds.base import Asked, Kind, kinds

PARTS = ("availability", "incidents", "noise", "capacity", "anomalies", "inventory")
LONGEST = 10


@kinds.register("overview")
class Overview(Kind):
    title: ClassVar[str | Promise] = gettext_lazy("Overview")
    about: ClassVar[str | Promise] = gettext_lazy(
        "Availability, incidents, noise, capacity, unusual behaviour and updates in short."
    )

    def sections(self, asked: Asked) -> list[Section]:
        found = []
        step = asked.step
        for place, name in enumerate(PARTS):
            asked.step = _part(step, place)
            kind = kinds.get(name)()
            first, *rest = kind.sections(asked)
            found.append(Section(name, str(kind.title), first.note, first.figures, first.chart))
            for section in rest:
                if section.table is not None and section.key in {"servers", "list", "rules"}:
                    found[-1].note = " ".join(note for note in (first.note, section.note) if note)
                    found[-1].table = _short(section.table, name, str(kind.title))
                    break
        asked.step = step
        _point_inside(found)
        return found


def _short(table: Table, name: str, title: str) -> Table:
    """The page shows the worst; what is taken away holds all rows."""
    if len(table.rows) <= LONGEST:
        return table
    if name in BADNESS:
        keys = [column.key for column in table.columns]
        table.rows.sort(key=lambda row: BADNESS[name](dict(zip(keys, row, strict=True))))
    said = _("%(n)d of %(all)d, the worst first. XLSX and CSV hold all, and so does the report “%(report)s”.")
    shown = said % {"n": LONGEST, "all": len(table.rows), "report": title}
    table.short, table.cut = LONGEST, Cell(None, shown, f"/reports/?kind={name}")
    return table


def _incident(row: dict[str, Cell]) -> tuple[Any, ...]:
    """What is critical, then what is still open, then what took longest."""
    over = row["over"].value
    return row["severity"].value != "critical", over is not None, -(over or 0.0)


def _server(row: dict[str, Cell]) -> tuple[Any, ...]:
    """Security updates, then a restart that is needed, then other updates."""
    return -(row["security"].value or 0), not row["restart"].value, -(row["pending"].value or 0)


BADNESS: dict[str, Callable[[dict[str, Cell]], tuple[Any, ...]]] = {"incidents": _incident, "inventory": _server}
"""Of those kinds whose own order is another: the newest first, or by name."""


def _part(step: Callable[[float], None], place: int) -> Callable[[float], None]:
    return lambda share: step((place + share) / len(PARTS))


def _point_inside(sections: list[Section]) -> None:
    """Links to other parts of a kind's own report lead to what there is of them here."""
    for section in sections:
        for figure in section.figures:
            if figure.cell.href.startswith("#"):
                figure.cell.href = f"#{section.key}"
