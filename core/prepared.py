"""Questions that are asked again and again: Django writes their SQL once, which costs ten times the asking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, count
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

Value = int | str | UUID | Sequence[int]
Row = tuple[Any, ...]
NOWHERE = -(1 << 62)  # no column holds it


class Prepared:
    """Calls `build` with stand-ins, once for each shape of its arguments; what is asked is put in their places.

    `build` gives a `values_list`, and nothing in it may depend on the arguments but the values compared with.
    Lists are filled up to the next power of two, so that there are few shapes.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any]]) -> None:
        self.build = build
        self.made: dict[tuple[Any, ...], _Made | None] = {}

    def __call__(self, *asked: Value) -> list[Row]:
        values = [value if isinstance(value, int | str | UUID) else _filled(value) for value in asked]
        shape = (connection.vendor, *(len(value) if isinstance(value, list) else 0 for value in values))
        if shape not in self.made:
            self.made[shape] = _make(self.build, values)
        made = self.made[shape]
        return made(list(chain.from_iterable(map(_each, values)))) if made else []


class _Made:
    def __init__(self, compiler: Any, sql: str, places: list[tuple[int, bool]], params: list[Any]) -> None:
        self.compiler, self.sql, self.places, self.params = compiler, sql, places, params
        self.converters = compiler.get_converters([one[0] for one in compiler.select[: compiler.col_count]])

    def __call__(self, values: list[Any]) -> list[Row]:
        params = [
            fixed if place < 0 else values[place].hex if as_hex else values[place]
            for fixed, (place, as_hex) in zip(self.params, self.places, strict=True)
        ]
        with connection.cursor() as cursor:
            cursor.execute(self.sql, params)
            rows: list[Row] = cursor.fetchall()
        if not self.converters:
            return rows
        return list(map(tuple, self.compiler.apply_converters(rows, self.converters)))


def _filled(value: Sequence[int]) -> list[int]:
    listed = list(value)
    room = 1 << max(0, len(listed) - 1).bit_length()
    return listed + [listed[-1] if listed else NOWHERE] * (room - len(listed))


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _make(build: Callable[..., QuerySet[Any, Any]], values: list[Any]) -> _Made | None:
    """None where Django sees by itself that there can be no row."""
    numbers = count(-7_000_000_000_000_000_000)
    marks: list[Any] = []
    given = []
    for value in values:
        each = [_mark(one, next(numbers)) for one in _each(value)]
        marks += each
        given.append(each if isinstance(value, list) else each[0])
    compiler: Any = build(*given).query.get_compiler(connection=connection)
    try:
        sql, params = compiler.as_sql()
    except EmptyResultSet:
        return None
    known = {mark: (place, False) for place, mark in enumerate(marks)}
    known |= {mark.hex: (place, True) for place, mark in enumerate(marks) if isinstance(mark, UUID)}
    places = [known.get(param, (-1, False)) for param in params]
    if {place for place, _ in places if place >= 0} != set(range(len(marks))):
        raise ValueError("A prepared question must compare each of its arguments with a column.")
    return _Made(compiler, sql, places, list(params))


def _mark(value: Any, number: int) -> Any:
    if isinstance(value, UUID):
        return UUID(int=-number)
    return f"mark{number}" if isinstance(value, str) else number
