"""Layouts by their hash, in memory; a new one is checked name by name and stored once."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from metrics import names
from metrics.models import Layout, Series

MOST_COLUMNS = 5000
SERIES_QUOTA = 5000


@dataclass(frozen=True, slots=True)
class Known:
    """A layout as the door and the consumers use it; a refused column has series id 0."""

    id: int
    hash: str
    columns: list[str]
    series: NDArray[np.int64]
    refused: dict[str, str] = field(default_factory=dict)
    place: dict[str, int] = field(default_factory=dict)


class WrongColumns(ValueError):
    """The column list as a whole cannot be used."""


class Layouts:
    """All layouts that were used since the start; misses are read from the table."""

    def __init__(self) -> None:
        self.by_hash: dict[str, Known] = {}
        self.by_id: dict[int, Known] = {}
        self.lock = threading.Lock()
        # Series of a server since our start: what the quota is counted on.
        self.of_server: dict[int, set[int]] = defaultdict(set)
        self.seen: set[tuple[int, int]] = set()

    def find(self, hash_: str) -> Known | None:
        return self.by_hash.get(hash_)

    def load(self, hash_: str) -> Known | None:
        """From the table: another process may have stored it."""
        row = Layout.objects.filter(hash=hash_).first()
        return self._keep(row) if row else None

    def by(self, id_: int) -> Known:
        """A layout that a stored row names."""
        known = self.by_id.get(id_)
        return known or self._keep(Layout.objects.get(pk=id_))

    def learn(self, hash_: str, columns: list[str]) -> Known:
        """Store a new layout; the hash must be that of the columns."""
        if len(columns) > MOST_COLUMNS:
            raise WrongColumns(f"{len(columns)} columns are too many; at most {MOST_COLUMNS} fit in a layout.")
        if names.layout_hash(columns) != hash_:
            raise WrongColumns(
                "The layout's hash is not that of its columns: SHA-256 over the names, newline between."
            )
        if len(set(columns)) != len(columns):
            raise WrongColumns("A column stands twice in this layout.")
        with self.lock:
            known = self.find(hash_) or self.load(hash_)
            return known or self._store(hash_, columns)

    @transaction.atomic
    def _store(self, hash_: str, columns: list[str]) -> Known:
        wanted = [_parsed(column) for column in columns]
        keys = {key for key in wanted if key}
        Series.objects.bulk_create((Series(metric=m, labels=text) for m, text in sorted(keys)), ignore_conflicts=True)
        ids = _ids(keys)
        series = [ids[key] if key else None for key in wanted]
        Layout.objects.bulk_create([Layout(hash=hash_, columns=columns, series=series)], ignore_conflicts=True)
        return self._keep(Layout.objects.get(hash=hash_))

    def _keep(self, row: Layout) -> Known:
        refused = {}
        for column, series in zip(row.columns, row.series, strict=True):
            if series is None:
                refused[column] = _fault(column)
        known = Known(
            row.pk, row.hash, row.columns, np.array([s or 0 for s in row.series], np.int64), refused,
            {column: place for place, column in enumerate(row.columns)},
        )  # fmt: skip
        self.by_hash[row.hash] = self.by_id[row.pk] = known
        return known

    def within_quota(self, server: int, known: Known) -> bool:
        """Whether this server may use this layout: its series together stay under the quota."""
        if (server, known.id) in self.seen:
            return True
        mine = self.of_server[server]
        more = mine | set(known.series.tolist())
        if len(more) > SERIES_QUOTA:
            return False
        self.of_server[server] = more
        self.seen.add((server, known.id))
        return True


def _parsed(column: str) -> tuple[str, str] | None:
    try:
        metric, labels = names.parse(column)
    except names.BadName:
        return None
    return metric, names.write(labels)


def _fault(column: str) -> str:
    try:
        names.parse(column)
    except names.BadName as fault:
        return str(fault)
    return "refused"


def _ids(keys: set[tuple[str, str]]) -> dict[tuple[str, str], int]:
    rows = Series.objects.filter(metric__in={metric for metric, _ in keys}).values_list("metric", "labels", "pk")
    return {(metric, labels): pk for metric, labels, pk in rows if (metric, labels) in keys}


layouts = Layouts()
