"""A report as PDF. Runs in a child of its own, `python -m reports.formats.pdf IN OUT`: its tool is large."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from reportlab.graphics.shapes import Drawing, Rect, String
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_LEFT, TA_RIGHT
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer
from reportlab.platypus import Table as Grid

from reports.document import Cell, Chart, Column, Document, Section, Table, decoded
from reports.formats import letters

TONES = {"crit": "#b42318", "warn": "#b54708", "ok": "#1a7f4b", "info": "#1f5fbf", "off": "#8a94a6", "": "#1f5fbf"}
INK, FAINT, LINE, BAND = "#1b2430", "#5b6675", "#d5dae1", "#f3f5f8"
MARGIN = 42.0
NICE = 10
MOST_ROWS = 3000
LONGEST_CELL, LONGEST_FIGURE = 200, 80
SMALL, PAD = 7.5, 3.0
MOST_WORD, MOST_WHOLE = 90.0, 220.0


def main(source: str, target: str) -> None:
    if hasattr(os, "nice"):
        os.nice(NICE)
    write(decoded(Path(source).read_bytes()), Path(target))


def write(document: Document, path: Path) -> None:
    letters.prepare()
    wide = any(section.table and len(section.table.columns) > 6 for section in document.sections)
    size = _size(wide=wide)
    paper = SimpleDocTemplate(
        str(path), pagesize=size, title=document.title, subject=document.period, author="Watchkeeper",
        leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN,
    )  # fmt: skip
    width = size[0] - 2 * MARGIN - 12
    paper.build(_story(document, width), canvasmaker=_numbered(document))


def _size(*, wide: bool) -> tuple[float, float]:
    found: tuple[float, float] = landscape(A4) if wide else A4
    return found


def _style(size: float, colour: str = INK, *, bold: bool = False, after: float = 0.0, right: bool = False) -> Any:
    return ParagraphStyle(
        "text", fontName=letters.BOLD if bold else letters.PLAIN, fontSize=size, leading=size * 1.35,
        textColor=HexColor(colour), spaceAfter=after, alignment=TA_RIGHT if right else TA_LEFT, splitLongWords=1,
    )  # fmt: skip


def _text(text: str, style: Any, href: str = "") -> Any:
    words = letters.marked(escape(text))
    return Paragraph(f"<a href={quoteattr(href)}>{words}</a>" if href else words, style)


def _story(document: Document, width: float) -> list[Any]:
    story: list[Any] = [
        _text(document.title, _style(20, bold=True, after=4)),
        _text(document.period, _style(11, after=2)),
        _text(document.scope, _style(9, FAINT, after=2)),
        _text(document.made, _style(9, FAINT, after=10)),
        *[_text(sentence, _style(10.5, after=3)) for sentence in document.sentences],
        Spacer(1, 6),
    ]
    head = len(story) - 1
    for section in document.sections:
        story += _section(section, document, width)
    if letters.missing():
        said = document.words.get("letters", "Letters that this file has no font for stand as \u25af.")
        story.insert(head, _text(said, _style(8.5, FAINT, after=3)))
    return story


def _section(section: Section, document: Document, width: float) -> list[Any]:
    # The anchor is what figures of the first page lead to.
    head = Paragraph(
        f"<a name={quoteattr(section.key)}/>{letters.marked(escape(section.title))}", _style(13, bold=True, after=5)
    )
    head.keepWithNext = 1
    found: list[Any] = [Spacer(1, 8), head]
    if section.note:
        found.append(_text(section.note, _style(8.5, FAINT, after=6)))
    if section.figures:
        found.append(_figures(section, document, width))
    if section.chart:
        found += [
            Spacer(1, 8),
            _text(section.chart.title, _style(9.5, bold=True, after=4)),
            _chart(section.chart, width),
        ]
    if section.table and section.table.rows:
        found += [Spacer(1, 6), _table(section.table, document, width)]
        if section.table.cut:
            found.append(_text(section.table.cut.shown, _style(8.5, FAINT), _href(section.table.cut, document)))
        elif len(section.table.rows) > MOST_ROWS:
            found.append(_text(document.words.get("cut", "…"), _style(8.5, FAINT)))
    return found


def _figures(section: Section, document: Document, width: float) -> Any:
    names = [_text(one.title[:LONGEST_FIGURE], _style(7.5, FAINT)) for one in section.figures]
    values = [
        _text(
            one.cell.shown[:LONGEST_FIGURE],
            _style(13, TONES[one.cell.tone] if one.cell.tone else INK, bold=True),
            _href(one.cell, document),
        )
        for one in section.figures
    ]
    grid = Grid([names, values], colWidths=[width / len(names)] * len(names))
    grid.setStyle([("BACKGROUND", (0, 0), (-1, -1), HexColor(BAND)), ("VALIGN", (0, 0), (-1, -1), "TOP")])
    return grid


def _href(cell: Cell, document: Document) -> str:
    return document.site + cell.href if cell.href.startswith("/") else cell.href


def _chart(chart: Chart, width: float) -> Any:
    """Bars, drawn: a label, its parts, and what it comes to."""
    row, label, tail = 15.0, width * 0.30, 90.0
    room = width - label - tail
    height = row * len(chart.bars) + (14 if chart.legend else 0)
    drawing = Drawing(width, height)
    for place, bar in enumerate(chart.bars):
        y = height - row * (place + 1) + 3
        drawing.add(_words(0, y + 2, _cut(bar.label, label - 6), 8, INK))
        x = label
        for value, tone in bar.parts:
            long = room * value / chart.most if chart.most else 0.0
            if long:
                drawing.add(Rect(x, y, long, 9, fillColor=HexColor(TONES[tone]), strokeColor=None))
            x += long
        drawing.add(_words(x + 5, y + 2, _cut(bar.shown, tail - 5), 8, FAINT))
    x = label
    for tone, word in chart.legend:
        drawing.add(Rect(x, 1, 8, 8, fillColor=HexColor(TONES[tone]), strokeColor=None))
        drawing.add(_words(x + 11, 2, word, 7.5, FAINT))
        x += 24 + stringWidth(word, letters.face(word), 7.5)
    return drawing


def _words(x: float, y: float, text: str, size: float, colour: str) -> Any:
    return String(x, y, letters.plain(text), fontName=letters.face(text), fontSize=size, fillColor=HexColor(colour))


def _cut(text: str, width: float, size: float = 8) -> str:
    """As much of it as there is room for."""
    shown, mark = text[:LONGEST_CELL], ""
    while shown and stringWidth(shown + mark, letters.face(text), size) > width:
        shown, mark = shown[:-1], "…"
    return shown + mark


def _table(table: Table, document: Document, width: float) -> Any:
    styles = {
        (right, tone): _style(SMALL, TONES[tone] if tone else INK, right=right)
        for right in (False, True)
        for tone in TONES
    }
    head = [_text(one.title, _style(SMALL, FAINT, bold=True, right=_right(one))) for one in table.columns]
    rows = [
        [
            _text((cell.shown or "")[:LONGEST_CELL], styles[_right(column), cell.tone], _href(cell, document))
            for cell, column in zip(row, table.columns, strict=True)
        ]
        for row in table.first(MOST_ROWS)
    ]
    grid = Grid([head, *rows], colWidths=_widths(table, width), repeatRows=1)
    grid.setStyle(
        [
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, HexColor(LINE)), ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("RIGHTPADDING", (0, 0), (-1, -1), PAD),
            *(("LEFTPADDING", (at, 0), (at, -1), _before(table, at)) for at in range(len(table.columns))),
            ("TOPPADDING", (0, 0), (-1, -1), 2), ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ]
    )  # fmt: skip
    return grid


def _right(column: Column) -> bool:
    return column.kind not in {"text", "moment"}


def _widths(table: Table, width: float) -> list[float]:
    """By what stands in them: no word of a head is broken, nor a short one of a cell; the rest is shared out."""
    least, wanted = [], []
    for place, column in enumerate(table.columns):
        cells = {(row[place].shown or "")[:LONGEST_CELL] for row in table.first(MOST_ROWS)}
        around = PAD + _before(table, place)
        low = max(_long(column.title.split(), letters.BOLD), min(MOST_WORD, _long(" ".join(cells).split())))
        least.append(low + around)
        wanted.append(max(low, min(MOST_WHOLE, _long(cells))) + around)
    spare = width - sum(wanted)
    if spare >= 0:
        return [one + spare * one / sum(wanted) for one in wanted]
    room = width - sum(least)
    if room < 0:
        return [one * width / sum(least) for one in least]
    return [low + room * (one - low) / (sum(wanted) - sum(least)) for low, one in zip(least, wanted, strict=True)]


def _long(texts: Iterable[str], font: str = "") -> float:
    return max((stringWidth(text, font or letters.face(text), SMALL) for text in texts), default=0.0)


def _before(table: Table, place: int) -> float:
    """A text right behind a number stands off from it."""
    near = place and _right(table.columns[place - 1]) and not _right(table.columns[place])
    return PAD + 6.0 if near else PAD


def _numbered(document: Document) -> type[Any]:
    class Numbered(Canvas):  # type: ignore[misc]
        """Says on each page what it is and which of how many; the last is known at the end alone."""

        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            self.pages: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 - ReportLab's name
            self.pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self.pages, 1):
                self.__dict__.update(page)
                self.setFont(letters.face(document.title), 7.5)
                self.setFillColor(HexColor(FAINT))
                said = document.words.get("page", "{n} / {all}").format(n=number, all=len(self.pages))
                self.drawString(MARGIN, 24, letters.plain(f"{document.title} · {document.period}"[:150]))
                self.setFont(letters.PLAIN, 7.5)
                self.drawRightString(self._pagesize[0] - MARGIN, 24, said)
                super().showPage()
            super().save()

    return Numbered


if __name__ == "__main__":
    main(*sys.argv[1:3])
