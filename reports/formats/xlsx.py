"""A report as a workbook: a sheet for each table, numbers as numbers, texts always as texts."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from reports.document import Cell, Column, Document, Section

STRANGE = re.compile(r"[\[\]:*?/\\']")
LONGEST_NAME, LONGEST_TEXT, MOST_ROWS = 31, 32_767, 1_000_000
FORMATS = {
    "percent": '0.0" %"', "fine": '0.000" %"', "duration": "[h]:mm:ss", "moment": "yyyy-mm-dd hh:mm", "count": "0",
    "number": "0.00", "bytes": "#,##0", "below": '0.000" d"',
}  # fmt: skip


def write(document: Document, path: Path, zone: ZoneInfo) -> None:
    import xlsxwriter  # noqa: PLC0415 - needed by who takes a file away alone

    safe = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    book = xlsxwriter.Workbook(str(path), safe)
    book.set_properties({"title": document.title, "comments": document.period})
    styles = {kind: book.add_format({"num_format": shape}) for kind, shape in FORMATS.items()}
    styles["head"] = book.add_format({"bold": True, "bottom": 1})
    styles["title"] = book.add_format({"bold": True, "font_size": 14})
    taken: set[str] = set()
    _first(book.add_worksheet(_name(document.words.get("summary", "Summary"), taken)), document, styles)
    for section in document.sections:
        if section.table is not None:
            _sheet(book.add_worksheet(_name(section.title, taken)), section, styles, zone)
    book.close()


def _first(sheet: Any, document: Document, styles: dict[str, Any]) -> None:
    sheet.set_column(0, 0, 44)
    sheet.set_column(1, 1, 24)
    sheet.write_string(0, 0, document.title, styles["title"])
    place = 1
    for text in (document.period, document.scope, document.made, *document.sentences):
        sheet.write_string(place, 0, text[:LONGEST_TEXT])
        place += 1
    for section in document.sections:
        if section.figures:
            sheet.write_string(place + 1, 0, section.title, styles["head"])
            place += 2
        for figure in section.figures:
            sheet.write_string(place, 0, figure.title)
            sheet.write_string(place, 1, figure.cell.shown)
            place += 1


def _sheet(sheet: Any, section: Section, styles: dict[str, Any], zone: ZoneInfo) -> None:
    table = section.table
    assert table is not None  # noqa: S101 - chosen so
    for place, column in enumerate(table.columns):
        sheet.set_column(place, place, 28 if place == 0 else 16)
        sheet.write_string(0, place, column.title, styles["head"])
    sheet.freeze_panes(1, 1)
    for line, row in enumerate(table.rows[:MOST_ROWS], 1):
        for place, (cell, column) in enumerate(zip(row, table.columns, strict=True)):
            _put(sheet, line, place, cell, column, styles, zone)


def _put(  # noqa: PLR0913, PLR0917 - where, what and how
    sheet: Any, line: int, place: int, cell: Cell, column: Column, styles: dict[str, Any], zone: ZoneInfo
) -> None:
    value = cell.value
    if value is None:
        return
    if not isinstance(value, int | float) or column.kind == "text":
        sheet.write_string(line, place, str(cell.shown or value)[:LONGEST_TEXT])
    elif column.kind == "moment":
        local = datetime.fromtimestamp(value, UTC).astimezone(zone).replace(tzinfo=None)
        sheet.write_datetime(line, place, local, styles["moment"])
    else:
        number = value / 86_400 if column.kind == "duration" else value
        # Spreadsheets show a time below zero as ####: it stands in days, as all times do underneath.
        below = column.kind == "duration" and value < 0
        sheet.write_number(line, place, number, styles["below" if below else column.kind])


def _name(title: str, taken: set[str]) -> str:
    """No two alike, and nothing in it that a sheet's name must not have."""
    plain = STRANGE.sub(" ", title).strip()[:LONGEST_NAME] or "1"
    found, number = plain, 2
    while found.lower() in taken:
        found = f"{plain[: LONGEST_NAME - 3]} {number}"
        number += 1
    taken.add(found.lower())
    return found
