"""The face of the store: what other apps may ask of numbers, their names and the newest rows."""

from __future__ import annotations

from metrics import query
from metrics.base import Store
from metrics.database import DatabaseStore
from metrics.described import SERIES
from metrics.latest import Newest, latest
from metrics.layouts import Known, TooManyLayouts, WrongColumns, layouts
from metrics.names import METRIC, layout_hash, parse, write
from metrics.quota import Admitted
from metrics.uses import firsts, oldest, seeds
from metrics.words import duration, number, quantity, shown
from metrics.words import name as spoken

__all__ = [
    "METRIC", "SERIES", "Admitted", "DatabaseStore", "Known", "Newest", "Store", "TooManyLayouts", "WrongColumns",
    "duration", "firsts", "latest", "layout_hash", "layouts", "number", "oldest", "parse", "quantity", "query",
    "seeds", "shown", "spoken", "write",
]  # fmt: skip
