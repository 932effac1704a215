"""One table of a report for programs: plain numbers, times with their zone, and no text a formula."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

from core import tables
from reports.document import Cell, Column, Document, Table

UNITS = {"percent": " (%)", "fine": " (%)", "duration": " (s)", "bytes": " (B)"}


def table_of(document: Document, key: str = "") -> Table | None:
    """The table asked for, or the first there is."""
    for section in document.sections:
        if section.table is not None and key in {"", section.key}:
            return section.table
    return None


def written(table: Table, zone: ZoneInfo) -> str:
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow([tables.cell(column.title + UNITS.get(column.kind, "")) for column in table.columns])
    for row in table.rows:
        writer.writerow([_plain(cell, column, zone) for cell, column in zip(row, table.columns, strict=True)])
    return out.getvalue()


def _plain(cell: Cell, column: Column, zone: ZoneInfo) -> Any:
    value = cell.value
    if column.kind == "moment" and isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC).astimezone(zone).isoformat(timespec="seconds")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return round(value, 6) if isinstance(value, float) else value
    return tables.cell(cell.shown if column.kind == "text" and cell.shown else value)
