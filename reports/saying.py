"""Values as a person reads them, in the language and zone that are active."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import get_language

from core.figures import rounded
from metrics import store
from reports.document import Cell, Column, Kind, Table, Tone

NOTHING = "\u2013"
EVERY = 10_000
UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def cell(value: Any, kind: Kind = "text", *, href: str = "", tone: Tone = "") -> Cell:
    return Cell(value, shown(value, kind), href, tone)


def shown(value: Any, kind: Kind) -> str:
    if value is None or value == "":
        return NOTHING
    said: str = _SHOWN[kind](value)
    return said


def table(columns: list[Column], rows: Iterable[list[Any]]) -> Table:
    """Values become cells by their columns; who wants a link or a tone gives a cell."""
    return Table(columns, [[_cell(*pair) for pair in zip(row, columns, strict=True)] for row in rows])


def _cell(value: Any, column: Column) -> Cell:
    return value if isinstance(value, Cell) else cell(value, column.kind)


def percent(value: float) -> str:
    return f"{rounded(value, 1 if value < 99.95 else 0)} %"


def fine(value: float, places: int = 3) -> str:
    """A share of which the third place counts. What is not whole is never rounded up to it."""
    text = min(round(value, places), 100 - 10.0**-places) if value < 100 else 100.0
    return f"{number_format(text, places if text < 100 else 0)} %"


def borne(milliseconds: int) -> int:
    """How many places of a percentage a time can bear that was watched by a sample every ten seconds: of ten minutes
    one sample is more than a whole per cent.
    """
    return sum(milliseconds >= 100 * EVERY * 10**place for place in (1, 2, 3))


def promise(value: float) -> str:
    """A target as somebody wrote it: 99.9, not 99.900."""
    return f"{number_format(value, len(f'{value:.6g}'.partition('.')[2]))} %"


def duration(seconds: float) -> str:
    """Two units at most, as everywhere; what is left of a promise may be less than none."""
    return ("\u2212" if seconds < -0.5 else "") + store.duration(abs(seconds))


def size(value: float) -> str:
    amount, place = float(value), 0
    while amount >= 999.5 and place < len(UNITS) - 1:
        amount, place = amount / 1000, place + 1
    return f"{rounded(amount, 0 if amount >= 100 or not place else 1)} {UNITS[place]}"


def moment(value: float | datetime) -> str:
    at = value if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC)
    return date_format(timezone.localtime(at), "DATETIME_FORMAT")


def day(value: float) -> str:
    return dated(timezone.localtime(datetime.fromtimestamp(value, UTC)))


def dated(at: date, form: str = "DATE_FORMAT") -> str:
    """Django begins the months of Portuguese with a capital, which Brazil does not."""
    text: str = date_format(at, form)
    return text.lower() if (get_language() or "").startswith("pt") else text


def number(value: float) -> str:
    return rounded(value, 0 if float(value).is_integer() else 2 if abs(value) < 10 else 1)


_SHOWN: dict[Kind, Any] = {
    "text": str, "count": lambda value: number_format(value, 0, force_grouping=True), "number": number,
    "percent": percent, "fine": fine, "duration": duration, "bytes": size, "moment": moment,
}  # fmt: skip
