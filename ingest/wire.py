"""What agents post, as typed objects: decoded at once, judged sample by sample."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isnan
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

MOST_ROWS = 20_000
MOST_CELLS = 500_000
MOST_COMMAS = 2 * MOST_CELLS
MOST_EVENTS = 1000
MOST_FIELDS = 100  # of an event
MOST_FACTS = 5000
MOST_LISTS = 100  # of names, by hand: each is looked up in the database
MOST_NAMES = 10_000  # in all of them
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


@dataclass
class Refusals:
    """The first hundred as objects, the rest as a number: a bad post must not cost more than a good one."""

    told: list[Refusal] = field(default_factory=list)
    count: int = 0

    def add(self, row: int, column: str, error: str) -> None:
        self.count += 1
        if len(self.told) < MOST_REFUSED_TOLD:
            # Half of a surrogate pair in a name could not be sent back.
            self.told.append(Refusal(row, column[:200].encode("utf-8", "replace").decode(), error))

    def add_all(self, places: Iterable[tuple[int, str]], count: int, error: str) -> None:
        """Many with one fault; only as many places are looked at as are told."""
        room = MOST_REFUSED_TOLD - len(self.told)
        before = self.count
        for (row, column), _ in zip(places, range(room), strict=False):
            self.add(row, column, error)
        self.count = before + count

    def answer(self) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = [msgspec.to_builtins(one) for one in self.told]
        if self.count > len(told):
            last = f"and {self.count - MOST_REFUSED_TOLD + 1} more were refused"
            told[MOST_REFUSED_TOLD - 1 :] = [{"row": 0, "column": "", "error": last}]
        return told


class Undecodable(ValueError):
    """Nothing of it can be used."""


class TooMany(ValueError):
    """More in one post than we take at once; smaller posts are welcome."""


_decoder = msgspec.json.Decoder(Post)


def decode(body: bytes) -> tuple[Post, Refusals]:
    """The post; where single cells are no numbers they are refused, and the rest is kept."""
    # Counted before it is decoded: what a body takes then is about its number of values.
    if body.count(b",") > MOST_COMMAS:
        raise TooMany(f"More than {MOST_CELLS} values in one post. Send smaller batches.")
    try:
        return _check(_decoder.decode(body)), Refusals()
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as fault:
        return _leniently(body, fault)


def _check(post: Post) -> Post:
    if len(post.rows) > MOST_ROWS or len(post.samples) > MOST_ROWS:
        raise TooMany(f"More than {MOST_ROWS} rows in one post. Send smaller batches.")
    if sum(map(len, post.rows)) + sum(len(sample.m) + 1 for sample in post.samples) > MOST_CELLS:
        raise TooMany(f"More than {MOST_CELLS} values in one post. Send smaller batches.")
    if len(post.boot) > 64 or not (post.boot.isprintable() or not post.boot):
        raise Undecodable("`boot` must be at most 64 printable characters.")
    if post.seq is not None and not 0 <= post.seq < 2**62:
        raise Undecodable("`seq` must be a whole number from 0 to 2^62.")
    return post


def _leniently(body: bytes, fault: Exception) -> tuple[Post, Refusals]:
    """A second try for bodies that are JSON but hold cells that are no numbers (NaN of Python, text …)."""
    try:
        raw = json.loads(body)
        if not isinstance(raw, dict) or depth(raw) > DEEPEST:
            raise Undecodable(_sentence(fault))
        refused = Refusals()
        rows = raw.get("rows")
        if isinstance(rows, list):
            raw["rows"] = [_row(place, row, refused) for place, row in enumerate(rows)]
        return _check(msgspec.convert(raw, Post)), refused
    except TooMany:
        raise
    except (ValueError, RecursionError, msgspec.MsgspecError) as again:
        raise Undecodable(_sentence(again if isinstance(again, msgspec.MsgspecError) else fault)) from again


def _sentence(fault: Exception) -> str:
    return (
        f"The report cannot be read: {fault}"[:300] if not isinstance(fault, RecursionError) else "Nested too deep."
    )


def _row(place: int, row: Any, refused: Refusals) -> list[Any]:
    if not isinstance(row, list):
        return []
    return [_cell(place, str(number), cell, refused) for number, cell in enumerate(row)]


def _cell(place: int, column: str, cell: Any, refused: Refusals) -> Cell:
    if isinstance(cell, float) and isnan(cell):  # Python's own writer sends NaN
        refused.add(place, column, "not finite")
        return None
    if cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool)):
        return _as_float(cell)
    refused.add(place, column, "not a number")
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


@dataclass(slots=True)
class Group:
    """Rows of one list of columns; its number names it within the post, whatever becomes of the others."""

    number: int
    hash: str
    columns: list[str] | None
    rows: list[list[Cell]]
    places: list[int]
    by_hand: bool = False


def matrix(group: Group, columns: int, refused: Refusals) -> tuple[NDArray[np.float64], list[int]]:
    """Rows as one array, time first, and the place in the post of each; rows of another length are refused."""
    wanted = columns + 1
    good, places = group.rows, group.places
    if any(len(row) != wanted for row in good):
        fits = [(place, row) for place, row in zip(places, good, strict=True) if len(row) == wanted]
        for place, row in zip(places, good, strict=True):
            if len(row) != wanted:
                cells = f"{len(row)} cells, but the layout wants {wanted}"
                refused.add(place, "", cells if row else "a row must be a list: [time, value, …]")
        good, places = [row for _, row in fits], [place for place, _ in fits]
    return np.array(good, np.float64).reshape(len(good), wanted), places


def groups(post: Post, refused: Refusals) -> list[Group]:
    """The rows, then the hand-made samples grouped by their names: each group is rows of one layout."""
    found: dict[tuple[str, ...], Group] = {}
    count = 0
    for place, sample in enumerate(post.samples):
        names = tuple(sorted(sample.m))
        group = found.get(names)
        if group is None:
            count += len(names)
            if len(found) == MOST_LISTS or (found and count > MOST_NAMES):
                most = f"{MOST_LISTS} different sets of names, or {MOST_NAMES} names in them"
                raise TooMany(f"More than {most}, are in one post. Send smaller batches.")
            group = found[names] = Group(len(found) + bool(post.rows), "", list(names), [], [], by_hand=True)
        group.rows.append([sample.t, *(_cell(place, name, sample.m[name], refused) for name in names)])
        group.places.append(place)
    rows = [Group(0, post.layout, post.columns, post.rows, list(range(len(post.rows))))] if post.rows else []
    return [*rows, *found.values()]
