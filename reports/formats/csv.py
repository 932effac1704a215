"""Tables of a report for programs: plain numbers, times with their zone, and no text a formula."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

from core import tables
from reports.document import Cell, Column, Document, Table

UNITS = {"percent": " (%)", "fine": " (%)", "duration": " (s)", "bytes": " (B)"}


def text(document: Document, zone: ZoneInfo, key: str = "") -> str:
    """The table asked for, or all, each below its title and with an empty line between; empty where there is none."""
    out = StringIO()
    writer = csv.writer(out)
    for section in document.sections:
        if section.table is None or key not in {"", section.key}:
            continue
        if not key:
            writer.writerows([[], [tables.cell(section.title)]] if out.tell() else [[tables.cell(section.title)]])
        _write(writer, section.table, zone)
    return out.getvalue()


def _write(writer: Any, table: Table, zone: ZoneInfo) -> None:
    writer.writerow([tables.cell(column.title + UNITS.get(column.kind, "")) for column in table.columns])
    for row in table.rows:
        writer.writerow([_plain(cell, column, zone) for cell, column in zip(row, table.columns, strict=True)])


def _plain(cell: Cell, column: Column, zone: ZoneInfo) -> Any:
    value = cell.value
    if column.kind == "moment" and isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC).astimezone(zone).isoformat(timespec="seconds")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return round(value, 6) if isinstance(value, float) else value
    return tables.cell(cell.shown if column.kind == "text" and cell.shown else value)
