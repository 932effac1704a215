"""Tables for spreadsheets, in which nothing that somebody wrote is taken for a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from io import StringIO
from typing import Any

_FORMULA = {"=", "+", "-", "@", "\t", "\r", "\n", "|", "%"}
PIECE = 60_000


def cell(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula is kept a text; numbers stay numbers."""
    if value is None or isinstance(value, int | float):
        return "" if value is None else value
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return f"'{text}" if text.lstrip(" ")[:1] in _FORMULA else text


def lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The table in pieces, so that a long one is never held as a whole."""
    out = StringIO()
    table = csv.DictWriter(out, columns, restval="", extrasaction="ignore")
    table.writeheader()
    for row in rows:
        table.writerow({name: cell(row.get(name)) for name in columns})
        if out.tell() > PIECE:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()
