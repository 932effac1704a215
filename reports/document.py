"""A report as data: sentences, figures, charts and tables, each figure with the place where it can be checked."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Kind = Literal["text", "count", "number", "percent", "fine", "duration", "bytes", "moment"]
Tone = Literal["ok", "warn", "crit", "info", "off", ""]


class Cell(msgspec.Struct, omit_defaults=True):
    """The value for programs, what people read, and its evidence."""

    value: Any
    shown: str = ""
    href: str = ""
    tone: Tone = ""


class Column(msgspec.Struct):
    key: str
    title: str
    kind: Kind = "text"


class Table(msgspec.Struct):
    columns: list[Column]
    rows: list[list[Cell]]
    short: int = 0
    """So many rows stand on the page and on paper, if not 0; files for programs hold all of them."""
    cut: Cell | None = None
    """What is said below them then, and where the rest stands."""

    def first(self, most: int) -> list[list[Cell]]:
        return self.rows[: self.short or most]


class Bar(msgspec.Struct):
    """One bar: parts side by side, each a value and a tone; `shown` stands behind it."""

    label: str
    parts: list[tuple[float, Tone]]
    shown: str
    href: str = ""


class Chart(msgspec.Struct):
    title: str
    bars: list[Bar]
    most: float
    legend: list[tuple[Tone, str]] = []


class Figure(msgspec.Struct):
    """One of the few large numbers at the top."""

    title: str
    cell: Cell


class Section(msgspec.Struct):
    key: str
    title: str
    note: str = ""
    figures: list[Figure] = []
    chart: Chart | None = None
    table: Table | None = None


class Document(msgspec.Struct):
    kind: str
    title: str
    period: str
    scope: str
    made: str
    language: str
    site: str
    sentences: list[str] = []
    sections: list[Section] = []
    quiet: bool = False
    """Nothing happened: the mail is short."""
    words: dict[str, str] = {}
    """What the pages of a file say beside it, in its language."""


def encoded(document: Document) -> bytes:
    return msgspec.json.encode(document)


def decoded(data: bytes) -> Document:
    return msgspec.json.decode(data, type=Document)
