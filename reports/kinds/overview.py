"""The overview for managers: the figures of every other kind on a page or two."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from reports.document import Section
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
                    section.table.rows = section.table.rows[:LONGEST]
                    found[-1].table = section.table
                    break
        asked.step = step
        _point_inside(found)
        return found


def _part(step: Callable[[float], None], place: int) -> Callable[[float], None]:
    return lambda share: step((place + share) / len(PARTS))


def _point_inside(sections: list[Section]) -> None:
    """Links to other parts of a kind's own report lead to what there is of them here."""
    for section in sections:
        for figure in section.figures:
            if figure.cell.href.startswith("#"):
                figure.cell.href = f"#{section.key}"
