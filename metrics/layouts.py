"""Layouts by their hash, in memory; a new one is checked name by name and stored once."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from metrics import names
from metrics.models import Layout, Series
from metrics.quota import ASK_AGAIN, SERIES_QUOTA, Admitted, Usage, fit_together, within

MOST_COLUMNS = 5000
MOST_HELD = 1_000_000
MOST_LOOKED_AT = 20
OVER = object()  # marks columns beyond those, which are not even looked at
_HASH = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Known:
    """A layout as the door and the consumers use it."""

    id: int
    hash: str
    columns: list[str]
    series: NDArray[np.int64]
    place: dict[str, int]


class WrongColumns(ValueError):
    """The column list as a whole cannot be used."""


class TooManyLayouts(ValueError):
    """This server made too many new layouts; `wait` says for how many seconds none is taken."""

    def __init__(self, wait: int) -> None:
        super().__init__(
            "Too many new sets of columns from this server within an hour. Keep the set of names stable."
        )
        self.wait = wait


class Layouts:
    """The layouts used last, and what each server uses of them; misses are read from the table."""

    def __init__(self) -> None:
        self.by_hash: OrderedDict[str, Known] = OrderedDict()
        self.by_id: dict[int, Known] = {}
        self.columns = 0
        self.of_server: dict[int, Usage] = {}
        self.lock = threading.Lock()  # never held while the database is asked: the loop takes it
        self.learning = threading.Lock()

    def find(self, hash_: str) -> Known | None:
        with self.lock:
            known = self.by_hash.get(hash_)
            if known:
                self.by_hash.move_to_end(hash_)
            return known

    def load(self, hash_: str) -> Known | None:
        """From the table: another process may have stored it."""
        row = Layout.objects.filter(hash=hash_).first() if _HASH.fullmatch(hash_) else None
        return self._keep(row) if row else None

    def by(self, id_: int) -> Known:
        """A layout that a stored row names."""
        known = self.by_id.get(id_)
        return (known and self.find(known.hash)) or self._keep(Layout.objects.get(pk=id_))

    def admitted(self, server: int, hash_: str) -> tuple[Admitted, Known | None] | None:
        """What a server's layout was found to be, from memory alone."""
        with self.lock:
            usage = self.of_server.get(server)
            found = usage.find(hash_) if usage else None
        if found is None or not found.stored:
            return (found, None) if found else None
        known = self.find(found.stored)
        return (found, known) if known else None

    def admit_known(self, server: int, hash_: str) -> tuple[Admitted, Known] | None:
        """The usual case without the database: a whole layout that is in memory and fits beside what is used."""
        known = self.find(hash_)
        if known is None or not known.series.all():
            return None
        with self.lock:
            usage = self.of_server.setdefault(server, Usage())
            used = usage.series()
        if not fit_together([known.series, *used]):
            return None
        admitted = Admitted(hash_, known.series, len(known.columns))
        with self.lock:
            usage.keep(hash_, admitted)
        return admitted, known

    def admit(self, server: int, hash_: str, columns: list[str] | None) -> tuple[Admitted, Known | None] | None:
        """Decide column by column what is kept, before anything is stored; nothing when the layout is unknown."""
        with self.learning:
            known = self.find(hash_) or self.load(hash_)
            if known is None and columns is None:
                return None
            if known is None:
                _check(hash_, columns or [])
            marks = [series or None for series in known.series.tolist()] if known else _marks(columns or [])
            return self._admit(server, hash_, known.columns if known else columns or [], marks)

    def _admit(
        self, server: int, hash_: str, columns: list[str], marks: list[Hashable]
    ) -> tuple[Admitted, Known | None]:
        with self.lock:
            usage = self.of_server.setdefault(server, Usage())
            used = usage.series()
        fits = within(marks[:MOST_COLUMNS], set(np.concatenate(used).tolist()) if used else set())
        fits += [False] * (len(marks) - len(fits))
        kept = [column for column, fit in zip(columns, fits, strict=True) if fit]
        stored = hash_ if len(kept) == len(columns) else names.layout_hash(kept)
        try:
            known = self._stored_for(usage, stored, kept) if kept else None
        except TooManyLayouts as fault:
            return self._as_before(usage, hash_, columns, fault)
        series = known.series if known else np.array([], np.int64)
        admitted = Admitted(known.hash if known else "", series, len(columns))
        if len(kept) < len(columns):
            admitted.picks = np.flatnonzero(fits)
            _refuse(admitted, columns, marks, fits)
        with self.lock:
            usage.keep(hash_, admitted)
        return admitted, known

    def _as_before(
        self, usage: Usage, hash_: str, columns: list[str], fault: TooManyLayouts
    ) -> tuple[Admitted, Known | None]:
        """Of a list that is ever new what the server told lately as well: its load must not be lost for the rest."""
        with self.lock:
            lately = [one.stored for one in reversed(usage.admitted.values()) if one.stored][:MOST_LOOKED_AT]
        told = {column: at for at, column in enumerate(columns)}
        known = [one for one in map(self.find, lately) if one]
        best = max(known, key=lambda one: len(told.keys() & one.place.keys()), default=None)
        if best is None or not told.keys() & best.place.keys():
            raise fault
        picks = np.array([told.get(column, -1) for column in best.columns])
        admitted = Admitted(best.hash, best.series, len(columns), picks, until=time.monotonic() + fault.wait)
        for column in columns:
            if column not in best.place:
                admitted.refuse(column, str(fault))
        with self.lock:
            usage.keep(hash_, admitted)
        return admitted, best

    def _stored_for(self, usage: Usage, hash_: str, columns: list[str]) -> Known:
        known = self.find(hash_) or self.load(hash_)
        if known:
            return known
        if wait := usage.wait():
            raise TooManyLayouts(wait)
        usage.new.append(time.monotonic())
        return self._store(hash_, columns)

    def learn(self, hash_: str, columns: list[str]) -> Known:
        """Store a layout of our own making; the hash must be that of the columns, every name a good one."""
        if len(columns) > MOST_COLUMNS:
            raise WrongColumns(f"{len(columns)} columns are too many; at most {MOST_COLUMNS} fit in a layout.")
        _check(hash_, columns)
        with self.learning:
            return self.find(hash_) or self.load(hash_) or self._store(hash_, columns)

    def _store(self, hash_: str, columns: list[str]) -> Known:
        _write(hash_, columns)
        # Kept after the commit: should it fail, another layout would get the same id.
        return self._keep(Layout.objects.get(hash=hash_))

    def _keep(self, row: Layout) -> Known:
        # Thousands of servers share their names: one text each.
        columns = [sys.intern(column) for column in row.columns]
        known = Known(
            row.pk, row.hash, columns, np.array([s or 0 for s in row.series], np.int64),
            {column: place for place, column in enumerate(columns)},
        )  # fmt: skip
        with self.lock:
            self._forget(row.hash)
            self.by_hash[row.hash] = self.by_id[row.pk] = known
            self.columns += len(columns)
            while self.columns > MOST_HELD and len(self.by_hash) > 1:
                self._forget(next(iter(self.by_hash)))
        return known

    def _forget(self, hash_: str) -> None:
        known = self.by_hash.pop(hash_, None)
        if known:
            self.by_id.pop(known.id, None)
            self.columns -= len(known.columns)


@transaction.atomic
def _write(hash_: str, columns: list[str]) -> None:
    keys = [_parsed(column) for column in columns]
    Series.objects.bulk_create(
        (Series(metric=m, labels=text) for m, text in sorted(set(keys))), ignore_conflicts=True
    )
    ids = _ids(set(keys))
    Layout.objects.bulk_create(
        [Layout(hash=hash_, columns=columns, series=[ids[key] for key in keys])], ignore_conflicts=True
    )


def _check(hash_: str, columns: list[str]) -> None:
    if names.layout_hash(columns) != hash_:
        raise WrongColumns("The layout's hash is not that of its columns: SHA-256 over the names, newline between.")
    if len(set(columns)) != len(columns):
        raise WrongColumns("A column stands twice in this layout.")


def _parsed(column: str) -> tuple[str, str]:
    try:
        metric, labels = names.parse(column)
    except names.BadName as fault:
        raise WrongColumns(f"{column[:100]!r}: {fault}") from fault
    return metric, names.write(labels)


def _marks(columns: list[str]) -> list[Hashable]:
    """What each column counts as: a series we have, one we would get, or nothing for a bad name."""
    keys: list[tuple[str, str] | None] = []
    for column in columns[:MOST_COLUMNS]:
        try:
            keys.append(_parsed(column))
        except WrongColumns:
            keys.append(None)
    ids = _ids({key for key in keys if key})
    return [key and ids.get(key, key) for key in keys] + [OVER] * (len(columns) - len(keys))


def _refuse(admitted: Admitted, columns: list[str], marks: list[Hashable], fits: list[bool]) -> None:
    for column, mark, fit in zip(columns, marks, fits, strict=True):
        if not fit and mark is None:
            admitted.refuse(column, _fault(column))
        elif not fit:
            admitted.refuse(column, f"over this server's quota of {SERIES_QUOTA} series")
            admitted.until = time.monotonic() + ASK_AGAIN


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
