"""What agents post, as typed objects: decoded at once, judged sample by sample."""

from __future__ import annotations

import json
from math import isnan
from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

MOST_ROWS = 20_000
MOST_REFUSED_TOLD = 100
DEEPEST = 8

Scalar = str | int | float | bool | None
Cell = float | None


class Facts(msgspec.Struct):
    """What a machine tells of itself, with the hash by which a repeat is known."""

    hash: str = ""
    document: dict[str, dict[str, Scalar]] = {}


class Event(msgspec.Struct):
    t: float
    kind: str
    text: str = ""
    fields: dict[str, Scalar] = {}


class Sample(msgspec.Struct):
    """The hand-made form: one moment, values by name."""

    t: float
    m: dict[str, Any]


class Post(msgspec.Struct):
    agent: str = ""
    boot: str = ""
    seq: int | None = None
    layout: str = ""
    columns: list[str] | None = None
    rows: list[list[Cell]] = []
    samples: list[Sample] = []
    facts: Facts | None = None
    events: list[Event] = []
    logs: list[dict[str, Any]] = []
    done: list[dict[str, Any]] = []


class Refusal(msgspec.Struct):
    """One sample, or one column, that was not stored, and why."""

    row: int
    column: str
    error: str


class Undecodable(ValueError):
    """Nothing of it can be used."""


_decoder = msgspec.json.Decoder(Post)


def decode(body: bytes) -> tuple[Post, list[Refusal]]:
    """The post; where single cells are no numbers they are refused, and the rest is kept."""
    try:
        return _check(_decoder.decode(body)), []
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as fault:
        return _leniently(body, fault)


def _check(post: Post) -> Post:
    if len(post.rows) > MOST_ROWS or len(post.samples) > MOST_ROWS:
        raise Undecodable(f"More than {MOST_ROWS} rows in one post. Send smaller batches.")
    if len(post.boot) > 64:
        raise Undecodable("`boot` is longer than 64 characters.")
    if post.seq is not None and not 0 <= post.seq < 2**62:
        raise Undecodable("`seq` must be a whole number from 0 to 2^62.")
    return post


def _leniently(body: bytes, fault: Exception) -> tuple[Post, list[Refusal]]:
    """A second try for bodies that are JSON but hold cells that are no numbers (NaN of Python, text …)."""
    try:
        raw = json.loads(body)
        if not isinstance(raw, dict) or depth(raw) > DEEPEST:
            raise Undecodable(_sentence(fault))
        refused: list[Refusal] = []
        rows = raw.get("rows")
        if isinstance(rows, list):
            raw["rows"] = [_row(place, row, refused) for place, row in enumerate(rows)]
        return _check(msgspec.convert(raw, Post)), refused
    except (ValueError, RecursionError, msgspec.MsgspecError) as again:
        raise Undecodable(_sentence(again if isinstance(again, msgspec.MsgspecError) else fault)) from again


def _sentence(fault: Exception) -> str:
    return (
        f"The report cannot be read: {fault}"[:300] if not isinstance(fault, RecursionError) else "Nested too deep."
    )


def _row(place: int, row: Any, refused: list[Refusal]) -> list[Any]:
    if not isinstance(row, list):
        refused.append(Refusal(place, "", "a row must be a list: [time, value, …]"))
        return []
    return [_cell(place, number, cell, refused) for number, cell in enumerate(row)]


def _cell(place: int, number: int, cell: Any, refused: list[Refusal]) -> Cell:
    if isinstance(cell, float) and isnan(cell):  # Python's own writer sends NaN
        refused.append(Refusal(place, str(number), "not finite"))
        return None
    if cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool)):
        return _as_float(cell)
    refused.append(Refusal(place, str(number), "not a number"))
    return None


def _as_float(cell: int | float | None) -> Cell:
    try:
        return None if cell is None else float(cell)
    except OverflowError:
        return float("inf")  # refused below with the other values that are not finite


def depth(value: Any, deepest: int = DEEPEST + 1) -> int:
    if deepest <= 0 or not isinstance(value, list | dict):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max((depth(item, deepest - 1) for item in inner if isinstance(item, list | dict)), default=0)


def matrix(rows: list[list[Cell]], columns: int, refused: list[Refusal]) -> tuple[NDArray[np.float64], list[int]]:
    """Rows as one array, time first, and the place in the post of each; rows of another length are refused."""
    wanted = columns + 1
    if all(len(row) == wanted for row in rows):
        return np.array(rows, np.float64).reshape(len(rows), wanted), list(range(len(rows)))
    good: list[list[Cell]] = []
    places: list[int] = []
    for place, row in enumerate(rows):
        if len(row) == wanted:
            good.append(row)
            places.append(place)
        elif row or not any(r.row == place for r in refused):
            refused.append(Refusal(place, "", f"{len(row)} cells, but the layout wants {wanted}"))
    return np.array(good, np.float64).reshape(len(good), wanted), places


def by_layout(samples: list[Sample], refused: list[Refusal]) -> dict[tuple[str, ...], list[tuple[int, list[Cell]]]]:
    """Hand-made samples, grouped by their names: each group is rows of one layout."""
    groups: dict[tuple[str, ...], list[tuple[int, list[Cell]]]] = {}
    for place, sample in enumerate(samples):
        names = tuple(sorted(sample.m))
        cells = [sample.t]
        for name in names:
            cell = sample.m[name]
            if cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool)):
                cells.append(cast("float", _as_float(cell)))
            else:
                refused.append(Refusal(place, name, "not a number"))
                cells.append(cast("float", None))
        groups.setdefault(names, []).append((place, cast("list[Cell]", cells)))
    return groups
